"""How the tables came about, revision by revision. `Database.migrate` runs them."""

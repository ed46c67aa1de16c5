"""The history of the tables, revision by revision. `Database.migrate` runs them."""

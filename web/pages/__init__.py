"""The pages: a controller, a typed context and a template each."""

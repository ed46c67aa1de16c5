"""The paper account of a run: what cycles and people do to it."""

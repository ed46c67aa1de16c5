"""The paper account in a cycle, and what people do to it."""

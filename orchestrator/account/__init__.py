"""The paper account in a cycle and in service of people."""

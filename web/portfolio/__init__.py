"""The paper account: its worth, positions, past and switches."""

"""The words every room speaks: frozen values, no input or output, nothing of ours imported."""

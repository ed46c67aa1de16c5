"""What the command line's verbs do, and how their results are printed."""

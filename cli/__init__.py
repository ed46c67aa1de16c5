"""The functions behind the commands, and how their results are printed."""

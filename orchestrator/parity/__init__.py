"""Recorded decisions and paper days, computed again and compared."""

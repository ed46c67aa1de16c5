"""What came of it: the return that a vote spoke of, once its horizon has passed, never earlier.

Pure. Leaves out when live votes are settled and where outcomes are kept.
"""

REGIMES = (
    "rising, calm",
    "rising, turbulent",
    "falling, calm",
    "falling, turbulent",
    "unknown",
)
"""The market a bar lies in: its benchmark against its long average, and its volatility against
its usual one."""

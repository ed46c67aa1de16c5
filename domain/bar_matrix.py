"""What an account trades on: rows of bars as traded, of all calendars on one axis of time.

Leaves out how it is made of what is stored (`market/panels/bar_matrix.py`).
"""

from dataclasses import dataclass

from domain.panel import Floats, Times


@dataclass(frozen=True, slots=True, eq=False)
class BarMatrix:
    """K rows of N symbols in order of time (of rows that close together, the first calendar's
    first).

    Instants (K,): when a row is known, when its bars opened, when its session ends. Prices and
    `volume` (K, N) as traded, NaN without a bar. `volatility` (K, N) of one bar, a fraction, as
    known at the row's close. `dividend` (K, N) a unit in currency, ex at this bar; 0 where there is
    none.
    """

    symbols: tuple[str, ...]
    known_at: Times
    opened_at: Times
    session_end: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    volatility: Floats
    dividend: Floats

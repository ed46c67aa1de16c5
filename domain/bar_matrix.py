"""The bars on which an account trades: as traded, of all calendars, in rows of one time axis.

Leaves out how a matrix is built from stored bars (`market/panels/bar_matrix.py`).
"""

from dataclasses import dataclass

from domain.panel import Floats, Times


@dataclass(frozen=True, slots=True, eq=False)
class BarMatrix:
    """K rows of N symbols in order of time (where rows of several calendars close together, in
    order of calendar).

    Instants (K,): `known_at` when a row is known, `opened_at` when its bars opened, `session_end`
    when its session ends. Prices and `volume` (K, N) as traded, NaN without a bar. `volatility`
    (K, N) of one bar, a fraction, as known at the row's close. `dividend` (K, N) per unit, in
    currency, ex at this bar; 0 where there is none.
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

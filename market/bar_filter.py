"""Judge each bar of a series before anything is filled, marked, paid or learnt from it.

Whether a bar passes is a function of the bars up to it alone. It is compared with the last bar that
passed, on the scale of the symbol's own moves and volume. A bar in doubt is withheld; the next one
confirms it (the new price stays) or refutes it (the old price returns), and is judged at its own
close, and a price that comes back to where it was needs no trading. A move that no trading
explains, a unit or a split mistaken for a price, and a dividend that no company pays stay withheld,
and from the second bar on the gate blocks the symbol.

The limits were set on 480,000 daily and 250,000 hourly bars, of which fewer than 1 in 10,000 are
withheld, and on planted faults, of which 99 in 100 are (`python -m benchmarks faults`). Leaves out
messages and consequences (`market/quality/checks.py`, `market/quality/gate.py`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.panel import Bools, Floats, Ints
from quant.jit import cached_njit

Codes = NDArray[np.int8]

(
    PASSED,
    CONTRADICTION,  # high or low contradicts open or close
    REPEATED,  # prices and volume are those of a recent bar
    MOVE,  # open or close is too far from the last close for the symbol and its trading
    WICK,  # high or low is too far from open and close
    DIVIDEND,  # the adjusted close implies an implausible dividend
    REVERSAL,  # the adjustment factor falls, which no dividend or split causes
    NO_ADJUSTED_CLOSE,
) = range(8)

MAX_CONTRADICTION = 0.005
"""Log distance by which a high or low may contradict the open or close."""
LEAST_LIMIT, LARGEST_LIMIT = 0.07, 1.2
"""Log moves up to the first are never in doubt, those beyond the second always."""
USUAL_MOVES = 6.0
"""The limit in mean absolute log moves of the symbol's last twenty bars or so."""
WITHOUT_VOLUME, FOR_INDICES, MOST_BY_VOLUME = 2.0, 2.5, 5.0
"""Volume widens the limit by its ratio to the usual, at most by the last factor; the first is for
unknown volume, the second for indices, which do not trade."""
CONFIRMED_LIMITS = 1.5
"""Moves up to so many limits, for which all of the volume counts, are confirmed by the next bar
at the new price."""
CONFIRMING_BARS = 10
"""Bars at the new price that confirm a larger move, in which the symbol was blocked."""
NEVER = 1 << 30
UNKNOWN_CONFIRMED = 0.25
"""Log moves up to this are confirmed by the next bar where volume is unknown."""
SPLITS = np.log([1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0])
"""Log moves of splits: one that neither volume nor a person explains is never believed."""
SPLIT_MATCH = 0.01
"""Log distance from a split, beyond the symbol's usual move, within which a move may be one."""
MAX_DIVIDEND = 0.2
"""Fraction of the price that a dividend exceeds only if a person accepts it."""
USUAL_DIVIDEND, DIVIDEND_GROWTH = 0.01, 2.5
"""A dividend above this fraction and this many times the largest before must show as a fall."""
SMALL_DIVIDEND = 0.03
"""Where it does not, one bar with the same factor confirms it up to this fraction, `FACTOR_BARS`
beyond."""
FACTOR_BARS = 5
MAX_REVERSAL = 0.003
"""Fall of the factor that is noise, of joined sources or rounded prices."""
EXACT = 1e-6
"""Relative changes of the factor up to this are noise of binary figures."""
REPEAT_BARS = 60
REPEAT_STEPS, LEAST_STEP = 20.0, 1e-4
"""Where volume is unknown, equal bars are no chance if more steps of the price than the first lie
between high and low; a step is at least the second, a fraction."""
RETURN_BARS = 60
"""Bars within which a price may come back to where it was before it leapt."""
LONG_AGO = -1 - RETURN_BARS
YOUNG_BARS, SETTLED_BARS = 10, 20
"""Bars after which the usual volume and the usual move are known."""
YOUNG_MOVE = 0.02
"""Least usual move before that."""


class BarVerdicts(NamedTuple):
    """Verdicts on T bars: `code` (T,), one of the codes above; `size` (T,) of the flaw, a fraction;
    `since` (T,) the row of the first bar withheld in the unbroken run. `factor` (T,) is the
    adjustment factor without the noise of rounded prices, as if no bar was in doubt."""

    code: Codes
    size: Floats
    since: Ints
    factor: Floats


def judge_bars(
    prices: Floats, volume: Floats, adjusted: Floats, accepted: Bools, *, is_index: bool
) -> BarVerdicts:
    """Judge T bars: `prices` (4, T) open, high, low and close as traded, all positive; `volume`
    (T,), 0 where unknown; `adjusted` (T,) adjusted closes, NaN where missing; `accepted` (T,) is
    True where a person has accepted the bar."""
    open_, high, low, close = np.ascontiguousarray(prices)
    judged = _judge(
        open_, high, low, close, np.ascontiguousarray(volume), adjusted, accepted, is_index
    )
    return BarVerdicts(*judged)


@cached_njit
def _judge(
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats,
    adjusted: Floats,
    accepted: Bools,
    is_index: bool,
) -> tuple[Codes, Floats, Ints, Floats]:
    code, size = np.zeros(len(close), np.int8), np.zeros(len(close))
    since, factor = np.arange(len(close)).astype(np.int32), adjusted / close
    last = -1  # the last bar that passed
    leap, origin = (
        LONG_AGO,
        1.0,
    )  # the last bar that passed beyond the least limit, and the price before
    usual_move, moves, usual_volume, volumes = 0.0, 0, 0.0, 0
    largest_dividend = 0.0
    # The newest withheld bar, whose price the next one may confirm, the first bar at that price,
    # the move to it and how many bars there confirm it.
    suspect, jumped, jump, patience = -1, -1, 0.0, 0
    for t in range(len(close)):
        reason, amount = _bar_alone(open_, high, low, close, volume, t)
        if np.isnan(adjusted[t]):
            factor[t] = factor[last] if last >= 0 else 1.0
            reason = reason or NO_ADJUSTED_CLOSE
        if last < 0:
            if reason and not accepted[t]:
                code[t], size[t], since[t] = reason, amount, 0
            else:
                last = t
            continue
        before, withheld = close[last], t - last - 1

        trading = -1.0
        if volumes >= YOUNG_BARS and volume[t] > 0.0:
            trading = min(volume[t], volume[t] * close[t] / before) / usual_volume
        usual = usual_move if moves >= SETTLED_BARS else max(usual_move, YOUNG_MOVE)
        narrow = max(LEAST_LIMIT, USUAL_MOVES * usual)
        limit = min(narrow * _widening(trading, is_index, MOST_BY_VOLUME), LARGEST_LIMIT)

        change = np.log(factor[t] / factor[last])
        noise = _rounding(close[t]) + _rounding(adjusted[t]) if abs(change) > EXACT else EXACT
        if abs(change) > EXACT and -max(MAX_REVERSAL, noise) <= change <= noise:
            factor[t], change = factor[last], 0.0
        if reason == PASSED and abs(change) > EXACT:
            same = t - suspect == 1 and abs(np.log(factor[t] / factor[suspect])) <= noise
            opening = np.log(open_[t] / before)
            if not _is_factor_plausible(change, opening, largest_dividend, withheld * same):
                reason, amount = (
                    (DIVIDEND, -np.expm1(-change)) if change > 0 else (REVERSAL, -np.expm1(change))
                )

        paid = change if reason == PASSED else 0.0
        reach = limit * min(np.sqrt(1.0 + withheld), 3.0)
        is_back = t - leap <= RETURN_BARS and (_distance(open_[t], close[t], origin, paid) <= reach)
        is_far = not is_back and _distance(open_[t], close[t], before, paid) > reach
        stays = suspect >= 0 and _distance(open_[t], close[t], close[suspect], 0.0) <= limit
        if not stays:
            jumped, jump = t, np.log(close[t] / before)
            explained = CONFIRMED_LIMITS * narrow * _widening(trading, is_index, np.inf)
            if trading < 0.0:
                explained = max(explained, UNKNOWN_CONFIRMED)
            patience = _patience(abs(jump), explained, usual)
        is_confirmed = stays and (last == 0 or t - jumped >= patience)
        if reason == PASSED and (is_far or stays) and not is_confirmed:
            reason, amount = MOVE, np.expm1(jump)
        wick = _wick(open_[t], high[t], low[t], close[t])
        if reason == PASSED and wick > limit:
            reason, amount = WICK, np.expm1(wick)

        if reason and not accepted[t]:
            code[t], size[t], since[t] = reason, amount, last + 1
            if is_far or reason >= DIVIDEND:
                suspect = t
            continue
        if is_back:
            leap = LONG_AGO
        elif abs(np.log(close[t] / before)) > narrow:
            leap, origin = t, before
        moves += 1
        move = min(abs(np.log(close[t] / before) + change), limit)
        usual_move += (move - usual_move) / min(moves, SETTLED_BARS)
        if volume[t] > 0.0:
            volumes += 1
            most = 5.0 * usual_volume if volumes > YOUNG_BARS else volume[t]
            usual_volume += (min(volume[t], most) - usual_volume) / min(volumes, SETTLED_BARS)
        largest_dividend = max(largest_dividend, -np.expm1(-change))
        last, suspect = t, -1
    return code, size, since, factor


@cached_njit
def _bar_alone(
    open_: Floats, high: Floats, low: Floats, close: Floats, volume: Floats, t: int
) -> tuple[int, float]:
    """Return the code and size of what is wrong with bar t whatever the price was before."""
    top, bottom = max(open_[t], close[t]), min(open_[t], close[t])
    contradiction = max(np.log(top / high[t]), np.log(low[t] / bottom), np.log(low[t] / high[t]))
    if contradiction > MAX_CONTRADICTION:
        return CONTRADICTION, np.expm1(contradiction)
    is_made_up = volume[t] > 0.0 and t > 1 and volume[t] == volume[t - 1] == volume[t - 2]
    step = 0.0 if volume[t] > 0.0 else max(_step(close[t]), LEAST_STEP * close[t])
    if high[t] - low[t] > REPEAT_STEPS * step and not is_made_up:
        for k in range(max(0, t - REPEAT_BARS), t):
            if (
                close[k] == close[t] and open_[k] == open_[t] and high[k] == high[t]
                and low[k] == low[t] and volume[k] == volume[t]
            ):  # fmt: skip
                return REPEATED, 0.0
    return PASSED, 0.0


@cached_njit
def _widening(trading: float, is_index: bool, most: float) -> float:
    """Return by how much a bar's volume widens the limit, at most `most`; `trading` is in usual
    volumes, negative where unknown."""
    if is_index:
        return FOR_INDICES
    return WITHOUT_VOLUME if trading < 0.0 else min(max(trading, 1.0), most)


@cached_njit
def _is_factor_plausible(
    change: float, opening: float, largest_dividend: float, same_bars: int
) -> bool:
    """Return whether the factor may change by `change` (log) at a bar that opens `opening` (log)
    from the last close; `same_bars` before it had the same factor and were withheld."""
    if change < 0.0:
        return same_bars >= FACTOR_BARS
    dividend = -np.expm1(-change)
    if dividend > MAX_DIVIDEND:
        return False
    if dividend <= max(USUAL_DIVIDEND, DIVIDEND_GROWTH * largest_dividend):
        return True
    needed = 1 if dividend <= SMALL_DIVIDEND else FACTOR_BARS
    return opening <= -change / 2.0 or same_bars >= needed


@cached_njit
def _patience(jump: float, explained: float, usual: float) -> int:
    """Return how many bars at the new price confirm a move of `jump` (log) from which volume
    explains `explained`, for a symbol that moves `usual` (log) a bar."""
    if jump <= explained and jump <= LARGEST_LIMIT:
        return 1
    is_split = np.abs(SPLITS - jump).min() <= SPLIT_MATCH + usual
    return NEVER if is_split or jump > LARGEST_LIMIT else CONFIRMING_BARS


@cached_njit
def _distance(open_: float, close: float, reference: float, paid: float) -> float:
    """Return the larger log distance of open and close from `reference`, with `paid` added."""
    return float(max(abs(np.log(open_ / reference) + paid), abs(np.log(close / reference) + paid)))


@cached_njit
def _wick(open_: float, high: float, low: float, close: float) -> float:
    """Return how far (log) the high or low lies beyond open and close."""
    return float(max(np.log(high / max(open_, close)), np.log(min(open_, close) / low)))


@cached_njit
def _rounding(figure: float) -> float:
    """Return the relative error of a figure that was rounded to the decimals it shows."""
    step = _step(figure)
    return 1.1 * step / figure if step > EXACT else 2.0 * EXACT


@cached_njit
def _step(figure: float) -> float:
    """Return the value of the last decimal that `figure` shows, from 0.01 to `EXACT`."""
    step = 0.01
    while step > EXACT and abs(figure / step - np.rint(figure / step)) > 1e-3:
        step /= 10.0
    return step

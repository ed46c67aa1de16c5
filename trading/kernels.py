"""One account through rows of bars: orders met, positions marked, breakers looked at, targets made
into orders.

Live cycles and backtests go through these loops, so one arithmetic serves both. Every doubt goes
against the account. What they work on is in `desk.py`. All loops are in one file because numba
stamps its cache by the file of the caller: a function inlined from another file would go stale
unseen.

Left out: checks of what goes in, splits (applied to the account before its bars), margin calls.
"""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from domain.panel import Floats
from quant.compiled import compiled
from trading.desk import NO_ASKS, NO_GROUPS, Asks, Bars, Bools, Codes, Desk, Groups, Ints


def _codes(count: int) -> Iterator[int]:
    """0 and up, as numbers of numpy: numba compiles a function anew for every number of Python's
    that it is called with."""
    return cast(Iterator[int], map(np.int64, range(count)))


FREE, HELD, WORKING, PARTIAL, FILLED, CANCELLED, EXPIRED, REJECTED = _codes(8)
"""`status` of a record; a slot is FREE until its first order."""
MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP = _codes(5)
"""`kind`. A take-profit is a LIMIT that only reduces. A TRAILING_STOP may have a `stop` as well: it
triggers at the nearer of both."""
DAY, GTC, IOC, FOK = _codes(4)
"""`term`. The committee's order is GTC: `ask_row` ends it."""
BEFORE, AT_OPEN, WITHIN = _codes(3)
"""`activated`: before the present bar, at its open, or somewhere within it."""
ACTIVE, REDUCING, HALTED = _codes(3)
"""`standing`."""
LEAVE, DECIDE, SHRINK, WITHDRAW = _codes(4)
"""Words on a symbol in a row: nothing said, so that its order stands; a target to trade to; one to
which may only be sold; a blocked symbol, whose order is cancelled and not replaced."""
SECTOR, CORRELATED, ALL = _codes(3)
"""Places in `Groups.limits`."""
MOMENTS = ("open", "stop", "limit")
AT_THE_OPEN, AT_A_STOP, AT_A_LIMIT = _codes(3)
REASONS = ("", "daily loss", "drawdown", "losing positions")
UNHARMED, DAILY_LOSS, DRAWDOWN, LOSSES = _codes(4)
WHY = (
    "",
    "its session has ended",
    "it could not be filled whole at the open",
    "the open filled what it could of it",
    "another order of its group was filled",
    "nothing is left to reduce",
    "a new decision",
    "the symbol is blocked",
    "the account is halted",
    "the cash did not reach",
    "its parent has ended",
)
(
    NOT_ENDED, DAY_OVER, NOT_WHOLE, ONLY_THE_OPEN, GROUP_FILLED, NOTHING_HELD, DECIDED_ANEW,
    BLOCKED, STOPPED, NO_CASH, PARENT_ENDED,
) = _codes(11)  # fmt: skip
DUST = 1e-9
"""Units below this are rounding."""
A_DAY = 86_400_000_000
"""Microseconds."""


# ---- Positions --------------------------------------------------------------------------------


@compiled
def settle(
    units: float, cost: float, traded: float, price: float, fees: float
) -> tuple[float, float, float]:
    """Units and average cost after a fill, and the profit that it took; the ledger's own too.

    `traded` is negative for sales, `fees` in currency. What adds to a position moves its average
    cost, fees included; what takes from it realises the difference to that cost, less fees. A fill
    that goes through nothing does both, its fees in proportion.
    """
    after = units + traded
    if abs(after) <= DUST:
        after = 0.0
    if units * traded >= 0.0:
        return after, (units * cost + traded * price + fees) / after, 0.0
    if units * after >= 0.0:
        return after, cost if after != 0.0 else 0.0, traded * (cost - price) - fees
    closing = -units / traded
    opening_fees = fees * (1.0 - closing)
    return after, price + opening_fees / after, units * (price - cost) - fees * closing


@compiled
def hold(state: Any, held: Any, traded: float, price: float, fees: float) -> None:
    """The position after a fill; one that ends counts as won or lost."""
    before = held["units"]
    held["units"], held["cost"], profit = settle(before, held["cost"], traded, price, fees)
    held["realised"] += profit
    if before != 0.0 and before * held["units"] <= 0.0:
        state["losses"] = state["losses"] + 1 if held["realised"] < 0.0 else 0
        held["realised"] = 0.0


@compiled
def cash_at_hand(desk: Desk) -> float:
    """Cash that may be spent: not what stands for positions sold short, and their margin."""
    cash = desk.state[0]["cash"]
    if desk.rules[0]["shorting"] > 0.0:
        for n in range(len(desk.held)):
            if desk.held[n]["units"] < 0.0:
                value = desk.held[n]["units"] * desk.held[n]["last"]
                cash += (1.0 + desk.rules[0]["margin"]) * value
    return max(float(cash), 0.0)


# ---- Orders -----------------------------------------------------------------------------------


@compiled
def is_open(order: Any) -> bool:
    return bool(order["status"] == WORKING or order["status"] == PARTIAL)


@compiled
def whole(units: float, lot: float) -> float:
    """Units (positive) in whole lots, rounded towards zero."""
    return float(np.floor(units / lot) * lot)


@compiled
def level(order: Any) -> float:
    """Where a stop triggers: at its price, at its distance from the best price seen, or at the
    nearer of both."""
    if order["kind"] != TRAILING_STOP:
        return float(order["stop"])
    if order["trail"] > 0.0:
        trailed = order["best"] + order["side"] * order["trail"]
    else:
        trailed = order["best"] * (1.0 + order["side"] * order["trail_share"])
    nearer = order["side"] * (order["stop"] - trailed) < 0.0
    return float(order["stop"] if nearer else trailed)


@compiled
def end(desk: Desk, m: int, status: int, why: int) -> None:
    """An order is over, and so are those that still wait for it."""
    book = desk.book
    book[m]["status"], book[m]["why"] = status, why
    for k in range(3 * len(desk.held), len(book)):
        if book[k]["parent"] == m and book[k]["status"] == HELD:
            book[k]["status"], book[k]["why"] = CANCELLED, PARENT_ENDED


@compiled
def clear(order: Any, n: int, side: int, units: float, placed: int) -> None:
    """A record becomes a new order to trade `units` (positive) at the market until cancelled."""
    order["symbol"], order["side"], order["left"], order["placed"] = n, side, units, placed
    order["status"], order["kind"], order["term"], order["why"] = WORKING, MARKET, GTC, NOT_ENDED
    order["limit"] = order["stop"] = order["trail"] = order["trail_share"] = np.nan
    order["filled"], order["best"] = 0.0, np.nan
    order["expires"], order["group"], order["parent"] = 0, 0, -1
    order["activated"], order["reduce_only"], order["triggered"] = BEFORE, False, False


@compiled
def gather(desk: Desk, queue: Ints) -> int:
    """Numbers of the open orders that may trade in this row; how many. Day orders whose session is
    over end here."""
    book, opened, count = desk.book, desk.state[0]["opened"], 0
    for m in range(len(book)):
        order = book[m]
        if not is_open(order) or order["placed"] > opened or not desk.held[order["symbol"]]["here"]:
            continue
        if order["term"] == DAY and 0 < order["expires"] <= opened:
            end(desk, m, EXPIRED, DAY_OVER)
            continue
        queue[count] = m
        count += 1
    return count


@compiled
def slip(rules: Any, held: Any, units: float) -> float:
    """Half the spread and the impact of so many units beside what was traded in this bar, a
    fraction of the price."""
    usual = held["volatility"] if held["volatility"] > 0.0 else rules["unmeasured"]
    taken = rules["volume_cap"] * held["volume"] - held["room"] + units
    size = max(taken, 0.0) / held["volume"]
    return float(rules["half_spread"] + rules["impact"] * usual * np.sqrt(size))


@compiled
def may_take(desk: Desk, m: int, price: float) -> float:
    """Units (positive) that an order may trade now, as holdings, standing and volume allow; buys
    before their cash is looked at."""
    order, rules, standing = desk.book[m], desk.rules[0], desk.state[0]["standing"]
    n = order["symbol"]
    held = desk.held[n]
    wish, covered = order["left"], max(-order["side"] * held["units"], 0.0)
    if order["parent"] >= 0:
        wish = min(wish, desk.book[order["parent"]]["filled"] - order["filled"])
    if (standing == HALTED and not desk.state[0]["flattening"]) or not held["room"] > DUST:
        return 0.0
    if order["reduce_only"] or standing != ACTIVE:
        wish = min(wish, covered)
    elif order["side"] < 0 and wish > covered:
        short = 0.0
        if rules["shorting"] > 0.0:
            share = rules["margin"] + rules["commission"]
            share += slip(rules, held, min(wish, held["room"]))
            short = whole(cash_at_hand(desk) / (price * share), desk.lots[0, n])
        wish = min(wish, covered + short)
    if wish > held["room"]:
        wish = whole(held["room"], desk.lots[0, n])
    partly = order["term"] == FOK and wish < order["left"] - DUST
    return 0.0 if partly or wish <= DUST else float(wish)


@compiled
def full_price(desk: Desk, m: int, units: float, reference: float) -> float:
    """What a unit costs with spread and impact, but never worse than a limit."""
    order = desk.book[m]
    side, share = order["side"], slip(desk.rules[0], desk.held[order["symbol"]], units)
    full = reference * max(1.0 + side * share, 0.0)
    if order["kind"] in (LIMIT, STOP_LIMIT):
        return float(min(full, order["limit"]) if side > 0 else max(full, order["limit"]))
    return float(full)


@compiled
def fill(desk: Desk, m: int, units: float, full: float, reference: float, moment: int) -> None:
    """An order trades `units` (positive) at the price `full` with spread and impact, `reference`
    without. What of it lies beyond the bar's range is charged beside the price."""
    order, state = desk.book[m], desk.state[0]
    n, side = order["symbol"], order["side"]
    held = desk.held[n]
    price = min(max(full, held["low"]), held["high"])
    charged = max(side * (full - price) * units, 0.0)
    commission = units * price * desk.rules[0]["commission"]
    traded, fees = side * units, commission + charged
    state["cash"] -= traded * price + fees
    hold(state, held, traded, price, fees)
    at = state["opened"] if moment == AT_THE_OPEN else state["at"]
    held["traded"] = at
    held["room"] -= units
    order["filled"] += units
    order["left"] -= units
    order["status"] = PARTIAL
    if order["left"] <= DUST:
        order["left"], order["status"] = 0.0, FILLED
    line = desk.fills[state["filled"]]
    state["filled"] += 1
    line["row"], line["order"], line["symbol"] = state["row"], m, n
    line["at"], line["moment"] = at, moment
    line["units"], line["price"], line["commission"] = traded, price, commission
    line["slippage"], line["charged"] = abs(full - reference) * units, charged
    if order["group"] > 0:
        tell_group(desk, m, units)
    wake(desk, m, moment, price)
    guard(desk, m, moment, price)


@compiled
def tell_group(desk: Desk, m: int, units: float) -> None:
    """Exits of one group shrink by what one of them filled, other orders of one are cancelled."""
    one = desk.book[m]
    for k in range(len(desk.book)):
        other = desk.book[k]
        if k == m or other["group"] != one["group"] or not HELD <= other["status"] <= PARTIAL:
            continue
        if other["reduce_only"] and one["reduce_only"] and other["left"] > units + DUST:
            other["left"] -= units
        else:
            end(desk, k, CANCELLED, GROUP_FILLED)


@compiled
def wake(desk: Desk, m: int, moment: int, price: float) -> None:
    """Orders that wait for this one begin to live."""
    for k in range(3 * len(desk.held), len(desk.book)):
        child = desk.book[k]
        if child["parent"] == m and child["status"] == HELD:
            child["status"], child["best"] = WORKING, price
            child["activated"] = AT_OPEN if moment == AT_THE_OPEN else WITHIN


@compiled
def guard(desk: Desk, m: int, moment: int, price: float) -> None:
    """The symbol's protective exits follow its position: what the committee buys is guarded, what
    is sold needs no guard any more."""
    rules, n = desk.rules[0], desk.book[m]["symbol"]
    held = desk.held[n]
    bought = m == 3 * n and desk.book[m]["side"] > 0 and held["units"] > 0.0
    wanted = (rules["stop_loss"] > 0.0 or rules["trailing"] > 0.0, rules["take_profit"] > 0.0)
    for slot in range(2):
        k = 3 * n + 1 + slot
        order, living = desk.book[k], is_open(desk.book[k])
        if living and held["units"] <= 0.0:
            end(desk, k, CANCELLED, NOTHING_HELD)
        elif living and not bought:
            order["left"] = min(order["left"], held["units"])
        if not (bought and wanted[slot]):
            continue
        if not living:
            clear(order, n, -1, held["units"], desk.state[0]["opened"])
            order["group"], order["reduce_only"], order["best"] = n + 1, True, price
        order["left"] = held["units"]
        order["activated"] = AT_OPEN if moment == AT_THE_OPEN else WITHIN
        if slot == 1:
            order["kind"], order["limit"] = LIMIT, held["cost"] * (1.0 + rules["take_profit"])
            continue
        order["kind"] = STOP
        if rules["stop_loss"] > 0.0:
            order["stop"] = held["cost"] * (1.0 - rules["stop_loss"])
        if rules["trailing"] > 0.0:
            order["kind"], order["trail_share"] = TRAILING_STOP, rules["trailing"]


# ---- A row of bars ----------------------------------------------------------------------------


@compiled
def executes_at_open(order: Any, opening: float) -> bool:
    """Whether an order trades at the open; a stop that the open has passed is triggered."""
    kind, side = order["kind"], order["side"]
    if not opening > 0.0:
        return False
    if kind >= STOP and not order["triggered"]:
        if np.isnan(order["best"]):
            order["best"] = opening
        if side * (opening - level(order)) < 0.0:
            return False
        order["triggered"] = True
    if kind in (LIMIT, STOP_LIMIT):
        return bool(side * (order["limit"] - opening) > 0.0)
    return True


@compiled
def opened_by(desk: Desk, m: int, units: float) -> float:
    """The part of a buy that does not cover a short position."""
    short = max(-desk.held[desk.book[m]["symbol"]]["units"], 0.0)
    return float(units - min(short, units))


@compiled
def buy(
    desk: Desk,
    m: int,
    units: float,
    share: float,
    full: float,
    reference: float,
    moment: int,
) -> None:
    """Buy as much as `share` of the cash wanted can pay; what it does not reach is given up."""
    order = desk.book[m]
    if share < 1.0:
        opening = opened_by(desk, m, units)
        units += whole(opening * share, desk.lots[0, order["symbol"]]) - opening
    if units > DUST and not (share < 1.0 and order["term"] == FOK):
        fill(desk, m, units, full, reference, moment)
    if share < 1.0 and order["status"] != FILLED:
        end(desk, m, CANCELLED, NO_CASH)


@compiled
def at_open(desk: Desk, queue: Ints, count: int) -> None:
    """Sales first, then all buys, which shrink together to the cash at hand."""
    buys, outlay = 0, 0.0
    want, price = np.empty(count), np.empty(count)
    for j in range(count):
        m = queue[j]
        opening = desk.held[desk.book[m]["symbol"]]["open"]
        if not is_open(desk.book[m]) or not executes_at_open(desk.book[m], opening):
            continue
        if desk.book[m]["side"] > 0:
            queue[buys] = m
            buys += 1
            continue
        units = may_take(desk, m, opening)
        if units > 0.0:
            full = full_price(desk, m, units, opening)
            fill(desk, m, units, full, opening, AT_THE_OPEN)
    for j in range(buys):
        m = queue[j]
        held = desk.held[desk.book[m]["symbol"]]
        want[j] = may_take(desk, m, held["open"]) if is_open(desk.book[m]) else 0.0
        if want[j] > 0.0:
            price[j] = full_price(desk, m, want[j], held["open"])
            held["room"] -= want[j]
            outlay += opened_by(desk, m, want[j]) * price[j] * (1.0 + desk.rules[0]["commission"])
    at_hand = cash_at_hand(desk)
    share = at_hand / outlay if outlay > at_hand else 1.0
    for j in range(buys):
        if want[j] > 0.0:
            held = desk.held[desk.book[queue[j]]["symbol"]]
            held["room"] += want[j]
            buy(desk, queue[j], want[j], share, price[j], held["open"], AT_THE_OPEN)


@compiled
def within(desk: Desk, m: int, reference: float, moment: int) -> None:
    """An order trades within the bar: a stop with spread and impact, a limit at its price, a buy
    with the cash there is then."""
    units = may_take(desk, m, reference)
    if units <= 0.0:
        return
    full = reference
    if moment == AT_A_STOP:
        full = full_price(desk, m, units, reference)
    if desk.book[m]["side"] < 0:
        fill(desk, m, units, full, reference, moment)
        return
    outlay = opened_by(desk, m, units) * full * (1.0 + desk.rules[0]["commission"])
    at_hand = cash_at_hand(desk)
    share = at_hand / outlay if outlay > at_hand else 1.0
    buy(desk, m, units, share, full, reference, moment)


@compiled
def meet_stops(desk: Desk, queue: Ints, count: int, since: int) -> None:
    """Stops that the bar touched: since `AT_OPEN` of those that were there before it or at its
    open, since `WITHIN` of those that came later. A stop-limit is triggered and is a limit from the
    next bar on."""
    for j in range(count):
        order = desk.book[queue[j]]
        held, side = desk.held[order["symbol"]], order["side"]
        if order["kind"] < STOP or order["triggered"] or order["term"] >= IOC:
            continue
        if not is_open(order) or (order["activated"] == WITHIN) != (since == WITHIN):
            continue
        price = level(order)
        if order["activated"] != BEFORE:  # no better than what its parent traded at
            price = max(price, order["best"]) if side > 0 else min(price, order["best"])
        if (held["high"] >= price) if side > 0 else (held["low"] <= price):
            order["triggered"], order["activated"] = True, WITHIN
            if order["kind"] != STOP_LIMIT:
                within(desk, queue[j], price, AT_A_STOP)


@compiled
def meet_limits(desk: Desk, queue: Ints, count: int) -> None:
    """Limits that the bar traded through."""
    for j in range(count):
        order = desk.book[queue[j]]
        held, side, limit = desk.held[order["symbol"]], order["side"], order["limit"]
        if order["kind"] != LIMIT and not (order["kind"] == STOP_LIMIT and order["triggered"]):
            continue
        if not is_open(order) or order["activated"] == WITHIN or order["term"] >= IOC:
            continue
        if (held["low"] < limit) if side > 0 else (held["high"] > limit):
            within(desk, queue[j], limit, AT_A_LIMIT)


@compiled
def close_orders(desk: Desk, queue: Ints, count: int) -> None:
    """What the row leaves of the orders it met: trailing stops have seen its prices, and those end
    that have nothing more to wait for."""
    for j in range(count):
        m, order = queue[j], desk.book[queue[j]]
        if not is_open(order):
            continue
        held, side = desk.held[order["symbol"]], order["side"]
        if order["kind"] == TRAILING_STOP and not order["triggered"]:
            seen = held["high"] if side < 0 else held["low"]
            if order["activated"] == WITHIN or np.isnan(order["best"]):
                seen = held["close"]
            if not side * (seen - order["best"]) >= 0.0:
                order["best"] = seen
        order["activated"] = BEFORE
        reducing = order["reduce_only"] or (side < 0 and not desk.rules[0]["shorting"] > 0.0)
        if reducing and not side * held["units"] < 0.0:
            end(desk, m, CANCELLED, NOTHING_HELD)
        elif order["term"] == FOK:
            end(desk, m, CANCELLED, NOT_WHOLE)
        elif order["term"] == IOC:
            end(desk, m, CANCELLED, ONLY_THE_OPEN)
        elif order["term"] == DAY:
            if order["expires"] == 0:
                order["expires"] = desk.state[0]["session_end"]
            if desk.state[0]["at"] >= order["expires"]:
                end(desk, m, EXPIRED, DAY_OVER)


@compiled
def meet_orders(desk: Desk) -> None:
    """The row's bars, in the order that is worst for the account: the open, stops, limits, and last
    the stops of what was bought on the way."""
    queue = np.empty(len(desk.book), np.int64)
    at_open(desk, queue, gather(desk, queue))
    count = gather(desk, queue)
    if count == 0:
        return
    before = desk.state[0]["filled"]
    meet_stops(desk, queue, count, AT_OPEN)
    meet_limits(desk, queue, count)
    if desk.state[0]["filled"] > before:
        count = gather(desk, queue)
        meet_stops(desk, queue, count, WITHIN)
        count = gather(desk, queue)
    close_orders(desk, queue, count)


@compiled
def turn_day(state: Any, at: int) -> None:
    """A new UTC day begins with the row's (a close at midnight belongs to the day it ends): what
    equity was before it is remembered, and a rest that is over ends."""
    day = (at - 1) // A_DAY
    if day <= state["day"]:
        return
    state["day"], state["day_equity"] = day, state["equity"]
    if state["standing"] == REDUCING and day >= state["until"]:
        if state["reason"] == DRAWDOWN:
            state["high"] = state["equity"]
        state["standing"], state["reason"], state["flattening"] = ACTIVE, UNHARMED, False


@compiled
def trip_breakers(state: Any, rules: Any) -> None:
    """A drawdown is looked at first: it rests longest."""
    equity = state["equity"]
    state["high"] = max(state["high"], equity)
    resting = state["standing"] == REDUCING
    if state["standing"] == HALTED or (resting and state["reason"] == DRAWDOWN):
        return
    reason, until = UNHARMED, state["day"] + 1
    if equity <= state["high"] * (1.0 - rules["drawdown"]):
        reason, until = DRAWDOWN, state["day"] + int(rules["cooldown"])
    elif not resting and equity <= state["day_equity"] * (1.0 - rules["daily_loss"]):
        reason = DAILY_LOSS
    elif not resting and state["losses"] >= rules["losses"]:
        reason = LOSSES
    if reason != UNHARMED:
        state["standing"], state["reason"], state["until"] = REDUCING, reason, until
        state["losses"], state["flattening"] = 0, rules["flatten"] > 0.0


@compiled
def carry(state: Any, rules: Any, held: Any, dividend: float) -> None:
    """What is held earns its dividend and costs its borrowing since its last bar."""
    held["dividend"], held["borrowing"] = held["units"] * dividend, 0.0
    if held["units"] < 0.0:
        years = (state["at"] - held["marked"]) / (365.0 * A_DAY)
        held["borrowing"] = -held["units"] * held["last"] * rules["borrow"] * years
    state["cash"] += held["dividend"]
    state["cash"] -= held["borrowing"]
    state["dividends"] += held["dividend"]
    state["borrowing"] += held["borrowing"]


@compiled
def show(
    state: Any,
    rules: Any,
    held: Any,
    opening: float,
    high: float,
    low: float,
    close: float,
    volume: float,
    dividend: float,
) -> None:
    """A symbol's bar comes to the desk, and its position to the open."""
    held["here"] = not np.isnan(close)
    if not held["here"]:
        return
    held["open"], held["close"], held["high"], held["low"] = opening, close, high, low
    held["volume"] = volume
    held["room"] = rules["volume_cap"] * volume if volume > 0.0 else 0.0
    usual = held["volatility"] if held["volatility"] > 0.0 else rules["unmeasured"]
    moved = abs(close + dividend - held["last"])
    held["wild"] = moved > rules["volatility_breaker"] * usual * held["last"]
    held["dividend"] = held["borrowing"] = 0.0
    if held["units"] != 0.0:
        carry(state, rules, held, dividend)
    if opening > 0.0:
        held["last"] = opening


@compiled
def value_of(held: Any, close: float, volatility: float, at: int) -> float:
    """A position at the close of its symbol's bar, if there is one."""
    if held["here"]:
        held["last"], held["marked"] = close, at
        if volatility > 0.0:
            held["volatility"] = volatility
    return float(held["units"] * held["last"]) if held["units"] != 0.0 else 0.0


# ---- Targets ----------------------------------------------------------------------------------


@compiled
def units_asked(
    state: Any,
    rules: Any,
    held: Any,
    lot: float,
    least: float,
    target: float,
    ceiling: float,
    at: int,
) -> float:
    """Units to trade, negative to sell, so that a symbol's share of equity comes to its target; 0
    within the band, below the least order, and where a limit forbids to buy."""
    equity, price = state["equity"], held["last"]
    if target == 0.0:
        return float(-held["units"])
    if not (price > 0.0 and equity > 0.0):
        return 0.0
    weight = held["units"] * price / equity
    if weight > ceiling:
        target = min(target, ceiling)
    elif not abs(target - weight) > rules["band"]:
        return 0.0
    units = target * equity / price - held["units"]
    if units > 0.0:
        soon = at - held["traded"] < rules["pause"]
        if soon or held["wild"] or state["standing"] != ACTIVE:
            return 0.0
        units = min(units, rules["order_limit"] * equity / price)
    size = whole(abs(units), lot)
    if size * price < least:
        return 0.0
    return size if units > 0.0 else -size


@compiled
def place(order: Any, n: int, units: float, held: float, at: int) -> None:
    """The committee's order in its slot, where so many units are held."""
    clear(order, n, 1 if units > 0.0 else -1, abs(units), at)
    order["reduce_only"] = units * held < 0.0 and abs(units) <= abs(held)


@compiled
def keep_to(limit: float, member: Bools, planned: Floats, excess: Floats, kept: Floats) -> None:
    """Lower what `kept` (N,) says of the members of a group that would stand above its limit: the
    share of its `excess` over its target that each may keep."""
    total = above = 0.0
    for n in range(len(member)):
        if member[n]:
            total += planned[n]
            above += excess[n]
    if total > limit and above > 0.0:
        share = max(limit - (total - above), 0.0) / above
        for n in range(len(member)):
            if member[n]:
                kept[n] = min(kept[n], share)


@compiled
def keep_groups(groups: Groups, t: int, planned: Floats, excess: Floats, kept: Floats) -> None:
    """`keep_to` of all groups of row t. A limit of 1 is none."""
    limits, sector = groups.limits, groups.sector
    member = np.ones(len(planned), np.bool_)
    if limits[ALL] < 1.0:
        keep_to(limits[ALL], member, planned, excess, kept)
    if limits[SECTOR] < 1.0:
        last = -1
        for number in sector:
            last = max(last, number)
        for number in range(last + 1):
            for n in range(len(planned)):
                member[n] = sector[n] == number
            keep_to(limits[SECTOR], member, planned, excess, kept)
    if limits[CORRELATED] < 1.0:
        alike, table = groups.alike, groups.table[t]
        for g in range(len(planned)):
            if planned[g] > 0.0:
                for n in range(len(planned)):
                    member[n] = n == g or alike[table, g, n]
                keep_to(limits[CORRELATED], member, planned, excess, kept)


@compiled
def relieve(desk: Desk, asks: Asks, groups: Groups, t: int, wanted: Floats) -> None:
    """The band spares no sale that a limit asks for: adds such sales to `wanted` (N,), the units to
    trade.

    Where what is planned for a group (what is held and ordered) exceeds its limit, its members sell
    the same share of what they hold above their targets; one of several groups as the strictest
    asks.
    """
    equity, symbols = desk.state[0]["equity"], len(desk.held)
    planned, excess, kept = np.zeros(symbols), np.zeros(symbols), np.ones(symbols)
    for n in range(symbols):
        held, order, word = desk.held[n], desk.book[3 * n], asks.words[t, n]
        units = held["units"] + wanted[n]
        if word == LEAVE and is_open(order):
            units += order["side"] * order["left"]
        if units == 0.0 or not (equity > 0.0 and held["last"] > 0.0):
            continue
        weight = units * held["last"] / equity
        planned[n] = abs(weight)
        if wanted[n] == 0.0 and word in (DECIDE, SHRINK):
            excess[n] = max(weight - min(asks.targets[t, n], asks.ceilings[t, n]), 0.0)
    keep_groups(groups, t, planned, excess, kept)
    for n in range(symbols):
        if kept[n] < 1.0 and excess[n] > 0.0:
            price = desk.held[n]["last"]
            units = whole((1.0 - kept[n]) * excess[n] * equity / price, desk.lots[0, n])
            if units * price >= desk.lots[1, n]:
                wanted[n] = -units


@compiled
def ask_row(desk: Desk, asks: Asks, groups: Groups, t: int, at: int) -> None:
    """The targets of row t become the committee's orders in the slots, after the bars they were
    decided on were met, which closed `at`.

    The old order of a symbol decided on is cancelled, or replaced in its slot: a record with
    `filled` 0 that was `placed` at `at` is a new order. A halted account loses all its orders but
    those that flatten it.
    """
    state, rules = desk.state[0], desk.rules[0]
    if state["standing"] == HALTED:
        for m in range(len(desk.book)):
            leaves = state["flattening"] and desk.book[m]["reduce_only"]
            if HELD <= desk.book[m]["status"] <= PARTIAL and not leaves:
                end(desk, m, CANCELLED, STOPPED)
        return
    book, all_held, lots = desk.book, desk.held, desk.lots
    words, targets, ceilings = asks.words, asks.targets, asks.ceilings
    if state["flattening"]:
        for n in range(len(all_held)):
            order, held = book[3 * n], all_held[n]
            if is_open(order) and order["side"] * held["units"] >= 0.0:
                end(desk, 3 * n, CANCELLED, DECIDED_ANEW)
            if not is_open(order) and held["units"] != 0.0:
                place(order, n, -held["units"], held["units"], at)
        return
    decided, wanted = False, np.zeros(len(all_held))
    for n in range(len(all_held)):
        word, held = words[t, n], all_held[n]
        if word == LEAVE:
            continue
        if is_open(book[3 * n]):
            end(desk, 3 * n, CANCELLED, BLOCKED if word == WITHDRAW else DECIDED_ANEW)
        if word == WITHDRAW:
            continue
        decided = True
        units = units_asked(
            state, rules, held, lots[0, n], lots[1, n], targets[t, n], ceilings[t, n], at
        )
        wanted[n] = units if word == DECIDE or units * held["units"] < 0.0 else 0.0
    if not decided:
        return
    limits = groups.limits
    if min(limits[ALL], limits[SECTOR], limits[CORRELATED]) < 1.0:
        relieve(desk, asks, groups, t, wanted)
    for n in range(len(all_held)):
        if wanted[n] != 0.0:
            place(book[3 * n], n, wanted[n], all_held[n]["units"], at)


@compiled
def trade_rows(
    desk: Desk,
    bars: Bars,
    asks: Asks,
    groups: Groups,
    since: int,
    until: int,
    sums: Floats,
    standing: Codes,
) -> int:
    """Rows `since` to `until` - 1 of the bars are met, and after each the asks of the same row; the
    first row that was not met, for `desk.fills` had no room for it, or `until`. `asks` of no rows
    ask for nothing.

    A row in this order: the day turns and rests of breakers end; dividends and borrowing are paid
    (those of the row stand in `held`, of symbols that are `here`); orders placed by the row's
    opening instant on symbols with a bar are met; positions are marked; breakers are looked at;
    targets become orders (`ask_row`).

    Fills `sums` (4, K): equity, cash, and dividends and borrowing so far after each row, in
    currency; and `standing` (2, K): standing and reason after it. All arrays are named outside of
    the loop, for naming one costs as much as a row without orders.
    """
    state, rules, all_held, book = desk.state[0], desk.rules[0], desk.held, desk.book
    opening, high, low, close = bars.open, bars.high, bars.low, bars.close
    volume, dividend, volatility = bars.volume, bars.dividend, bars.volatility
    known_at, opened_at, session_end = bars.known_at, bars.opened_at, bars.session_end
    words = asks.words
    room = len(desk.fills) - len(book)
    for t in range(since, until):
        if state["filled"] > room:
            return t
        turn_day(state, known_at[t])
        state["row"], state["session_end"] = t, session_end[t]
        state["at"], state["opened"] = known_at[t], opened_at[t]
        for n in range(len(all_held)):
            show(
                state, rules, all_held[n], opening[t, n], high[t, n], low[t, n], close[t, n],
                volume[t, n], dividend[t, n],
            )  # fmt: skip
        for m in range(len(book)):
            if is_open(book[m]):
                meet_orders(desk)
                break
        value = 0.0
        for n in range(len(all_held)):
            value += value_of(all_held[n], close[t, n], volatility[t, n], known_at[t])
        state["equity"] = state["cash"] + value
        trip_breakers(state, rules)
        if len(words) > 0:
            asked = state["standing"] == HALTED or state["flattening"]
            for n in range(len(all_held)):
                asked = asked or words[t, n] != LEAVE
            if asked:
                ask_row(desk, asks, groups, t, known_at[t])
        sums[0, t], sums[1, t] = state["equity"], state["cash"]
        sums[2, t], sums[3, t] = state["dividends"], state["borrowing"]
        standing[0, t], standing[1, t] = state["standing"], state["reason"]
    return until


def bar_row(desk: Desk, bars: Bars, t: int) -> None:
    """Row t of the bars is met and nothing asked. `desk.fills` must have room for M more."""
    until = len(bars.known_at)
    sums, standing = np.empty((4, until)), np.empty((2, until), np.int8)
    trade_rows(desk, bars, NO_ASKS, NO_GROUPS, t, t + 1, sums, standing)

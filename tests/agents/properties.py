"""What every agent must keep, whatever it believes: use `check_everything(agent, panel)`.

Each check asks the agent twice and compares every field of the votes to the last bit.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from domain.panel import Panel
from domain.votes import Agent, Votes
from tests.agents.panels import Events, select


def check_everything(agent: Agent, panel: Panel, seed: int = 0) -> None:
    check_votes_are_sound(agent, panel)
    check_no_lookahead(agent, panel, seed)
    check_future_perturbed(agent, panel, seed)
    check_since(agent, panel, seed)
    check_neighbours(agent, panel, seed)
    check_scale(agent, panel, seed)
    check_abstains_on_empty(agent, panel)


def check_votes_are_sound(agent: Agent, panel: Panel) -> None:
    """Shapes fit, caps are shares, probabilities are open, silence has a reason, sums are exact."""
    votes = agent.vote(panel)
    assert votes.agent == agent.name
    assert votes.version == agent.version
    assert votes.symbols == panel.symbols
    assert votes.log_odds.shape == votes.cap.shape == votes.silence.shape == panel.shape
    assert ((votes.cap >= 0.0) & (votes.cap <= 1.0)).all()
    assert not np.isinf(votes.log_odds).any()
    silent = np.isnan(votes.log_odds)
    assert (silent == (votes.silence > 0)).all()
    assert silent[np.isnan(panel.close)].all()
    spoken = votes.p_up[~silent]
    assert ((spoken > 0.0) & (spoken < 1.0)).all()
    for row, col in _some(np.argwhere(~silent)):
        total = 0.0
        for reason in votes.reasons(row, col):
            total += reason.log_odds
        assert total == votes.log_odds[row, col]
    for row, col in _some(np.argwhere(silent)):
        assert votes.abstained_because(row, col)
    if votes.quantile_5 is not None:
        assert votes.quantile_5.shape == panel.shape


def check_no_lookahead(agent: Agent, panel: Panel, seed: int = 0) -> None:
    """The votes on the panel as it stood at bar t equal the first t rows of the votes on all."""
    whole = agent.vote(panel)
    for rows in _cuts(panel, seed):
        _same(agent.vote(panel.head(rows)), whole, rows=slice(0, rows))


def check_future_perturbed(agent: Agent, panel: Panel, seed: int = 0) -> None:
    """Votes up to bar t stay when everything after it is another market."""
    whole = agent.vote(panel)
    for rows in _cuts(panel, seed):
        other = agent.vote(_with_another_future(panel, rows, seed))
        span = slice(0, rows)
        _equal(_cells(other, span, panel.symbols), _cells(whole, span, panel.symbols))


def check_since(agent: Agent, panel: Panel, seed: int = 0) -> None:
    """Asking for the last rows only gives the last rows of the whole answer."""
    whole = agent.vote(panel)
    for rows in _cuts(panel, seed):
        _same(agent.vote(panel, rows - 1), whole, rows=slice(rows - 1, None))


def check_neighbours(agent: Agent, panel: Panel, seed: int = 0) -> None:
    """A symbol's votes do not depend on which others stand beside it, or in which order."""
    whole = agent.vote(panel)
    rng = np.random.default_rng(seed)
    shuffled = tuple(str(s) for s in rng.permutation(panel.symbols))
    for symbols in (shuffled, shuffled[: len(shuffled) // 2 + 1], *((s,) for s in shuffled[:2])):
        part = agent.vote(select(panel, symbols))
        _equal(_cells(part, slice(None), symbols), _cells(whole, slice(None), symbols))


def check_scale(agent: Agent, panel: Panel, seed: int = 0) -> None:
    """Prices and volumes have no true level: doubling all of a symbol's changes nothing."""
    rng = np.random.default_rng(seed)
    price = rng.choice([0.25, 0.5, 2.0, 64.0], len(panel.symbols))
    volume = rng.choice([0.25, 0.5, 2.0, 64.0], len(panel.symbols))
    scaled = replace(
        panel,
        open=panel.open * price,
        high=panel.high * price,
        low=panel.low * price,
        close=panel.close * price,
        volume=panel.volume * volume,
        benchmark=panel.benchmark * 2.0,
    )
    _same(agent.vote(scaled), agent.vote(panel))


def check_abstains_on_empty(agent: Agent, panel: Panel) -> None:
    """Without a single bar there is no vote and there is a reason."""
    nothing = np.full(panel.shape, np.nan)
    empty = replace(
        panel, open=nothing, high=nothing, low=nothing, close=nothing, volume=nothing,
        benchmark=np.full(len(panel.known_at), np.nan),
    )  # fmt: skip
    votes = agent.vote(empty)
    assert np.isnan(votes.log_odds).all()
    assert (votes.silence > 0).all()
    assert ((votes.cap >= 0.0) & (votes.cap <= 1.0)).all()


def _cuts(panel: Panel, seed: int) -> list[int]:
    """Row counts to cut at: the first, the last and a few between."""
    bars = len(panel.known_at)
    inner = np.random.default_rng(seed).integers(1, bars + 1, 4)
    return sorted({1, bars, max(bars - 1, 1), *(int(i) for i in inner)})


def _some(cells: np.ndarray, count: int = 40) -> list[tuple[int, int]]:
    step = max(len(cells) // count, 1)
    return [(int(row), int(col)) for row, col in cells[::step]]


def _with_another_future(panel: Panel, rows: int, seed: int) -> Panel:
    rng = np.random.default_rng(seed + 1)
    factor = np.exp(rng.normal(0, 0.3, panel.shape))
    factor[:rows] = 1.0
    return replace(
        panel,
        open=panel.open * factor,
        high=panel.high * factor,
        low=panel.low * factor,
        close=panel.close * factor,
        volume=panel.volume * factor,
        benchmark=panel.benchmark * factor[:, 0],
        news=_known(panel.news, panel, rows),
        filings=_known(panel.filings, panel, rows),
        earnings=_known(panel.earnings, panel, rows),
    )


def _known(events: Events, panel: Panel, rows: int) -> Events:
    count = np.searchsorted(events.known_at, panel.known_at[rows - 1], side="right")
    return events.first(int(count))


def _same(part: Votes, whole: Votes, rows: slice = slice(None)) -> None:
    assert part.agent == whole.agent
    assert part.version == whole.version
    assert part.symbols == whole.symbols
    _equal(_cells(part, slice(None), whole.symbols), _cells(whole, rows, whole.symbols))


def _cells(votes: Votes, rows: slice, symbols: tuple[str, ...]) -> dict[str, Any]:
    """Every field of some cells of the votes, in a comparable shape."""
    columns = [votes.symbols.index(symbol) for symbol in symbols]
    start, stop, _ = rows.indices(len(votes.known_at))
    arrays = {
        name: getattr(votes, name)[start:stop][:, columns]
        for name in ("log_odds", "cap", "quantile_5")
        if getattr(votes, name) is not None
    }
    for place, term in enumerate(votes.terms):
        label = f"{place} {term.name} [{term.unit}]"
        arrays[f"{label} value"] = term.value[start:stop][:, columns]
        arrays[f"{label} log-odds"] = term.log_odds[start:stop][:, columns]
    silence = np.array(votes.abstentions, object)[votes.silence[start:stop][:, columns]]
    return {
        **arrays,
        "p_up": votes.p_up[start:stop][:, columns],
        "known_at": votes.known_at[start:stop].astype(np.int64),
        "abstained because": silence,
        "items": _items(votes, start, stop, symbols),
    }


def _items(votes: Votes, start: int, stop: int, symbols: tuple[str, ...]) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    if votes.items is None:
        return found
    items = votes.items
    for k in np.flatnonzero((items.row >= start) & (items.row < stop)):
        symbol = votes.symbols[items.col[k]]
        if symbol in symbols:
            found.setdefault((int(items.row[k]) - start, symbol), []).append(
                (items.names[items.name[k]], repr(items.value[k]), repr(items.log_odds[k]))
            )
    return found


def _equal(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert list(left) == list(right)
    for name, mine in left.items():
        other = right[name]
        if not isinstance(mine, np.ndarray):
            assert mine == other, name
        elif mine.dtype != np.float64:
            assert np.array_equal(mine, other), name
        else:
            unequal = (mine != other) & ~(np.isnan(mine) & np.isnan(other))
            assert not unequal.any(), (
                f"{name} differs in {int(unequal.sum())} cells, first {np.argwhere(unequal)[0]}: "
                f"{mine[unequal][0]!r} and {other[unequal][0]!r}"
            )

"""An agent's output: log-odds for every bar and symbol, each the exact sum of its evidence.

An abstention is a missing vote (NaN log-odds and a reason), never a probability of one half.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from domain.instants import Times
from domain.panel import Floats, Ints, Panel

AgentScope = Literal["symbol", "universe"]
"""What an agent reads to vote on a symbol: 'symbol', its own history and the benchmark; 'universe',
also how the symbol ranks among the panel's others."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One named piece of evidence: `RSI 14`, 74.2, '', -0.21.

    `value` is what was observed, in `unit` ('' for a plain number, '%', 'σ', 'x', 'days');
    None where a number has no meaning. `log_odds` is what it adds to the vote.
    """

    name: str
    value: float | None
    unit: str
    log_odds: float


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """One kind of evidence over all rows: `value` and `log_odds` are (R, N).

    NaN log-odds mean that the cell lacks this evidence, which then adds nothing to the vote.
    """

    name: str
    value: Floats
    log_odds: Floats
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ItemEvidence:
    """Evidence that differs from cell to cell (single headlines), in long form.

    K entries, each of cell (`row`, `col`): `names[name[k]]`, `value[k]`, `log_odds[k]`,
    ordered by row and then column.
    """

    row: Ints
    col: Ints
    name: Ints
    names: tuple[str, ...]
    value: Floats
    log_odds: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Votes of one agent for R rows (the panel's last R) and N symbols.

    `log_odds` (R, N): NaN where the agent abstains, and then
    `abstention_reasons[abstention_codes[r, n]]` says why (index 0 is the empty reason of a vote
    that was cast). `cap` (R, N) in [0, 1]: the largest share of equity the agent would accept; 1
    where it has no view, 0 is a veto; a cap holds even where the agent abstains. `quantile_5` (R,
    N): forecast 5% quantile of the return over the horizon, as a fraction; None for agents that
    make no such forecast.
    """

    agent: str
    version: str
    symbols: tuple[str, ...]
    known_at: Times
    log_odds: Floats
    cap: Floats
    evidence: tuple[Evidence, ...]
    abstention_codes: NDArray[np.uint16]
    abstention_reasons: tuple[str, ...]
    item_evidence: ItemEvidence | None = None
    quantile_5: Floats | None = None

    @property
    def p_up(self) -> Floats:
        """(R, N) probability of a positive return over the horizon; NaN where abstaining."""
        return sigmoid(self.log_odds)

    def reasons(self, row: int, col: int) -> tuple[Reason, ...]:
        """The evidence of one cell, in the order in which it was summed; empty if abstaining."""
        if np.isnan(self.log_odds[row, col]):
            return ()
        dense = tuple(
            Reason(e.name, _none_if_nan(e.value[row, col]), e.unit, float(e.log_odds[row, col]))
            for e in self.evidence
            if not np.isnan(e.log_odds[row, col])
        )
        return dense + self._item_reasons(row, col)

    def abstention_reason(self, row: int, col: int) -> str | None:
        reason = self.abstention_reasons[self.abstention_codes[row, col]]
        return reason or None

    def _item_reasons(self, row: int, col: int) -> tuple[Reason, ...]:
        items = self.item_evidence
        if items is None:
            return ()
        start, stop = np.searchsorted(items.row, [row, row + 1])
        picked = start + np.flatnonzero(items.col[start:stop] == col)
        return tuple(
            Reason(
                items.names[items.name[k]],
                _none_if_nan(items.value[k]),
                "",
                float(items.log_odds[k]),
            )
            for k in picked
        )


def build_votes(
    panel: Panel,
    since: int,
    *,
    agent: str,
    version: str,
    evidence: Sequence[Evidence],
    abstain_where: Sequence[tuple[NDArray[np.bool_], str]] = (),
    cap: Floats | None = None,
    item_evidence: ItemEvidence | None = None,
    quantile_5: Floats | None = None,
) -> Votes:
    """Sum the evidence into votes on rows `since` to T - 1 of the panel.

    All arrays are (R, N) with R = T - since. `abstain_where` pairs a mask with the reason for
    abstaining where it is true; the first that applies counts. A cell without a bar or without
    evidence always abstains.
    """
    rows, columns = len(panel.known_at) - since, len(panel.symbols)
    total = np.zeros((rows, columns))
    has_evidence = np.zeros((rows, columns), bool)
    for item in evidence:
        present = ~np.isnan(item.log_odds)
        total += np.where(present, item.log_odds, 0.0)
        has_evidence |= present
    if item_evidence is not None:
        np.add.at(total, (item_evidence.row, item_evidence.col), item_evidence.log_odds)
        has_evidence[item_evidence.row, item_evidence.col] = True
    reasons = ("", *(reason for _, reason in abstain_where), "no bar at this time", "no evidence")
    codes = np.zeros((rows, columns), np.uint16)
    masks = [mask for mask, _ in abstain_where]
    for code, mask in enumerate([*masks, np.isnan(panel.close[since:]), ~has_evidence], start=1):
        codes[(codes == 0) & mask] = code
    return Votes(
        agent=agent,
        version=version,
        symbols=panel.symbols,
        known_at=panel.known_at[since:],
        log_odds=np.where(codes == 0, total, np.nan),
        cap=np.ones((rows, columns)) if cap is None else cap,
        evidence=tuple(evidence),
        abstention_codes=codes,
        abstention_reasons=reasons,
        item_evidence=item_evidence,
        quantile_5=quantile_5,
    )


class Agent(Protocol):
    """A pure function of a panel, with a name.

    `version` changes whenever the same panel could give another vote (code, coefficients, model).
    `warmup` is the number of bars before its first vote. `vote` returns votes on rows `since` to
    T - 1. For row t it may use only rows 0 to t and events known by `panel.known_at[t]`; it reads
    no clock, file, network, database or unseeded randomness. A vote is the same to the last bit
    whatever the panel's last bar, the order of its symbols and `since`; and whatever its other
    symbols, unless the agent's class declares the `scope` 'universe' (`AgentScope`).
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def warmup(self) -> int: ...
    def vote(self, panel: Panel, since: int = 0) -> Votes: ...


class AgentFactory(Protocol):
    """Builds an agent from its name: in its earlier state of `version` where one is given and the
    files of that version still exist, otherwise in its present state."""

    def __call__(self, name: str, *, version: str | None = None) -> Agent: ...


def sigmoid(log_odds: Floats) -> Floats:
    """Probability of log-odds, elementwise; NaN stays NaN."""
    return 1.0 / (1.0 + np.exp(-log_odds))


def _none_if_nan(value: float) -> float | None:
    return None if np.isnan(value) else float(value)

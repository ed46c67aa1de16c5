"""What each agent counts for: its weight in the pool, and how much of its evidence is believed.

Pure. Both are learnt from settled votes alone, by rules whose whole memory is a small ledger:
weights by Hedge (`quant/adahedge.py`), trust by slopes (`quant/calibration.py`). A round is one bar
of one calendar; its cells are the symbols voted on whose outcome was complete when the bar
`horizon` + 1 rows later closed. A symbol that missed a bar on the way settles later: its record is
scored, but its cell is in no round.

Every round is judged by what the rounds before it had taught, as if no outcome were late; only the
use of it is late, by `horizon` + 1 rows. That is learning with a constant delay (Weinberger and
Ordentlich, "On delayed prediction of individual sequences", 2002; Joulani, Gyorgy and Szepesvari,
"Online learning under delayed feedback", 2013): it adds to the regret only what the weights moved
in the meantime. Left out: where ledgers are kept, and whether they should be followed at all
(`docs/weights.md` says why the default is not to).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

import numpy as np

from domain.errors import StorageError
from domain.panel import Floats
from quant import adahedge, calibration
from quant.adahedge import Hedge
from quant.base_rate import log_odds as log_odds_of
from quant.calibration import Calibration
from quant.pooling import pool

Weighting = Literal["equal", "earned"]
POOLS: tuple[Weighting, ...] = ("equal", "earned")
"""The pools whose own slope is learnt, in the order of the ledger."""


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """Of A agents on R rows, or on one row that holds for all.

    `weights` (R, A) sum to one over the agents. `trust` (R, A) is the factor on an agent's
    evidence, that is on its log-odds less those of the base rate; 1 takes it as it was given.
    """

    weights: Floats
    trust: Floats


def equal(agents: int) -> Influence:
    """Everybody counts the same and is taken at their word."""
    return Influence(np.full((1, agents), 1.0 / agents), np.ones((1, agents)))


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """All that the committee remembers of A agents after `rounds` rounds, whatever the settings.

    `given` earns weights for votes as they were given and `believed` for votes as far as their
    agents were trusted. `own` holds the slope of each agent and `pools` that of each of `POOLS`.
    """

    agents: tuple[str, ...]
    rounds: int
    given: Hedge
    believed: Hedge
    own: Calibration
    pools: Calibration

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; numbers in it read back to the same bits."""
        parts = {name: _plain(getattr(self, name)) for name in _PARTS}
        return {"agents": list(self.agents), "rounds": self.rounds, **parts}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], agents: Sequence[str]) -> Self:
        """The ledger that `to_json` wrote, seated as `agents`.

        An agent that is not in it starts like everybody did: with an equal share, which it keeps
        until its first settled vote, and believed at its word. One that left is forgotten. Those
        that stay share what remains in the proportions that they had.

        Raises StorageError for anything that `to_json` did not write.
        """
        try:
            seats = [_seat(list(stored["agents"]), agent) for agent in agents]
            return cls(
                agents=tuple(agents),
                rounds=int(stored["rounds"]),
                given=Hedge(**_seated(stored["given"], seats)),
                believed=Hedge(**_seated(stored["believed"], seats)),
                own=Calibration(**_seated(stored["own"], seats)),
                pools=Calibration(**_seated(stored["pools"], list(range(len(POOLS))))),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise StorageError(
                f"The stored ledger of {', '.join(agents)} cannot be read ({error!r}). Remove it: "
                "it is learnt again from the record."
            ) from error


_PARTS = ("given", "believed", "own", "pools")


@dataclass(frozen=True, slots=True, eq=False)
class _Learnt:
    """All figures on R rows, whatever the settings: weights `given` and `believed` (R, A), slopes
    `own` (R, A) and `pools` (R, 2)."""

    given: Floats
    believed: Floats
    own: Floats
    pools: Floats

    def under(self, weighting: Weighting, calibrated: bool) -> Influence:
        weights = self.believed if calibrated else self.given
        if weighting == "equal":
            weights = np.full(weights.shape, 1.0 / weights.shape[1])
        pool_slope = self.pools[:, [POOLS.index(weighting)]]
        return Influence(weights, self.own * pool_slope if calibrated else np.ones(weights.shape))

    def before(self, first: "_Learnt", rows: int) -> "_Learnt":
        """What stood `rows` rows earlier, and the one row of `first` before there was any."""

        def late(name: str) -> Floats:
            start, learnt = getattr(first, name), getattr(self, name)
            kept = max(len(learnt) - rows, 0)
            return np.concatenate([np.repeat(start, len(learnt) - kept, axis=0), learnt[:kept]])

        return _Learnt(*(late(each.name) for each in fields(self)))


def open_ledger(agents: Sequence[str]) -> Ledger:
    """Nothing learnt yet: equal weights, everybody believed."""
    count = len(agents)
    return Ledger(
        agents=tuple(agents),
        rounds=0,
        given=adahedge.open_hedge(count),
        believed=adahedge.open_hedge(count),
        own=calibration.open_calibration(count),
        pools=calibration.open_calibration(len(POOLS)),
    )


def influence_of(ledger: Ledger, weighting: Weighting, calibrated: bool) -> Influence:
    """What stands now, one row, under the committee's settings of these names."""
    return _standing(ledger).under(weighting, calibrated)


def learn(
    ledger: Ledger,
    log_odds: Floats,
    base_rate: Floats,
    change: Floats,
    weighting: Weighting = "earned",
    calibrated: bool = True,
) -> tuple[Ledger, Influence]:
    """The ledger after R more rounds, and the influence that stood after each of them.

    `log_odds` (A, R, N) of the ledger's agents in order; `base_rate` (R, N) a probability;
    `change` (R, N) NaN where the outcome was not complete in time. The ledger is the same under
    all settings, and to the last bit however the rounds are cut into calls.
    """
    after, learnt = _learn(ledger, log_odds, base_rate, change)
    return after, learnt.under(weighting, calibrated)


def earned(
    log_odds: Floats,
    base_rate: Floats,
    change: Floats,
    weighting: Weighting,
    calibrated: bool,
    horizon: int,
) -> Influence:
    """Influence (R, A) in force at each row of a backtest that began with an empty ledger.

    Arrays as in `learn`, but `change` as it is known today; row t has learnt from rows 0 to
    t - (`horizon` + 1).
    """
    agents, rows = log_odds.shape[:2]
    ledger = open_ledger([str(agent) for agent in range(agents)])
    first = _standing(ledger)
    if weighting == "equal" and not calibrated:
        return Influence(np.repeat(first.given, rows, axis=0), np.ones((rows, agents)))
    _, learnt = _learn(ledger, log_odds, base_rate, in_time(change, base_rate, horizon))
    return learnt.before(first, horizon + 1).under(weighting, calibrated)


def in_time(change: Floats, base_rate: Floats, horizon: int) -> Floats:
    """`change` (R, N) where it was complete `horizon` + 1 rows later, NaN elsewhere.

    That is where the symbol has a bar, and so a base rate, in each of those rows.
    """
    wait = horizon + 1
    missed = np.cumsum(np.isnan(base_rate), axis=0)
    kept = np.full(change.shape, np.nan)
    punctual = missed[wait:] == missed[: max(len(missed) - wait, 0)]
    kept[: len(punctual)] = np.where(punctual, change[: len(punctual)], np.nan)
    return kept


def _learn(
    ledger: Ledger, log_odds: Floats, base_rate: Floats, change: Floats
) -> tuple[Ledger, _Learnt]:
    settled = ~np.isnan(change) & ~np.isnan(base_rate)
    rose = np.where(settled, change > 0.0, np.nan)
    usual = log_odds_of(base_rate)
    stood = _standing(ledger)

    evidence = log_odds - usual
    own, trust = calibration.advance(ledger.own, evidence, base_rate, rose)
    evidence = _previous(stood.own, trust).T[:, :, np.newaxis] * evidence
    given, weights = adahedge.advance(ledger.given, log_odds, rose)
    believed, trusted = adahedge.advance(ledger.believed, usual + evidence, rose)
    by_pool = (np.full(len(ledger.agents), 1.0), _previous(stood.believed, trusted).T)
    pooled = np.stack([pool(evidence, each).log_odds for each in by_pool])
    pools, slopes = calibration.advance(ledger.pools, pooled, base_rate, rose)

    rounds = int((settled & ~np.isnan(log_odds).all(axis=0)).any(axis=1).sum())
    after = Ledger(ledger.agents, ledger.rounds + rounds, given, believed, own, pools)
    return after, _Learnt(weights, trusted, trust, slopes)


def _standing(ledger: Ledger) -> _Learnt:
    """What stands now, one row."""
    return _Learnt(
        adahedge.shares(ledger.given)[np.newaxis],
        adahedge.shares(ledger.believed)[np.newaxis],
        calibration.slopes(ledger.own)[np.newaxis],
        calibration.slopes(ledger.pools)[np.newaxis],
    )


def _previous(first: Floats, after: Floats) -> Floats:
    """(R, ...) what stood before each round, from what stood at first and after each."""
    return np.concatenate([first, after[:-1]])


def _plain(part: Hedge | Calibration) -> dict[str, Any]:
    values = {each.name: getattr(part, each.name) for each in fields(part)}
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}


def _seat(stored: list[str], agent: str) -> int | None:
    return stored.index(agent) if agent in stored else None


def _seated(stored: Mapping[str, Any], seats: Sequence[int | None]) -> dict[str, Any]:
    """The last axis of each array as the agents in `seats`, zeros for a newcomer."""

    def taken(values: Any) -> Any:
        if not isinstance(values, list):
            return float(values)
        every = np.array(values)
        picked = np.zeros((*every.shape[:-1], len(seats)), every.dtype)
        for place, seat in enumerate(seats):
            if seat is not None:
                picked[..., place] = every[..., seat]
        return picked

    return {name: taken(values) for name, values in dict(stored).items()}

"""Which record: a market and a run of it, by bars of one timeframe."""

from dataclasses import dataclass

from domain.timeframe import Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScope:
    """One market and one run of it ('live', 'replay 2020-02-03 2020-04-30'), by bars of
    `timeframe`; `horizon` is in bars. Records of two runs never mix."""

    market: str
    run: str
    simulated: bool
    timeframe: Timeframe
    horizon: int

    @property
    def is_replay(self) -> bool:
        return self.run.startswith("replay")

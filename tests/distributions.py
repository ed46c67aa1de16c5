"""Real distributions in a folder: a module and the metadata that an installer would leave."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

CHECKOUT = Path(__file__).resolve().parents[1]


def install(folder: Path, name: str, entry_points: str, source: str = "", module: str = "") -> None:
    """A distribution called `name` with the text of its `entry_points`, and `module` (`name` in
    lower case) of `source`."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(dedent(entry_points))
    if source:
        (folder / f"{module or name.replace('-', '_')}.py").write_text(dedent(source))


def quorum(folder: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process that finds the distributions in `folder`."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder),
        "QUORUM_HOME": str(home),
        "QUORUM__AGENTS__NEWS_MODEL": "lexicon",
        "QUORUM__MARKET__PROVIDER": "demo",
    }
    return subprocess.run(
        [sys.executable, str(CHECKOUT / "app.py"), *words],
        capture_output=True, text=True, env=environment, cwd=home, timeout=300,
    )  # fmt: skip


AGENT = '''
    """An agent of another package."""

    import numpy as np
    from pydantic import BaseModel

    from agents.base import SignalAgent
    from agents.evidence import Signal
    from quant.per_symbol import pct_change


    class Settings(BaseModel):
        model_config = {"extra": "forbid"}
        bars: int = 5


    class TideAgent(SignalAgent):
        """Goes with the tide: what rose lately rises on."""

        name = "tide"
        label = "Tide"
        icon = "zap"
        signals = (Signal("recent move", "%", 0.0, 10.0, 0.01, "A test."),)
        Settings = Settings

        def __init__(self, bars: int = 5) -> None:
            super().__init__()
            self.warmup = bars + 1
            self._bars = bars

        @classmethod
        def create(cls, settings: Settings) -> "TideAgent":
            return cls(settings.bars)

        def observe(self, panel, since):
            return {"recent move": 100.0 * pct_change(panel.close, self._bars)}
'''

PROVIDER = '''
    """A provider of another package: one coin that never moves."""

    from datetime import UTC, timedelta

    import pandas as pd

    from domain.errors import UnknownSymbolError
    from market.provider import (
        ACTION_COLUMNS, BAR_COLUMNS, EARNINGS_COLUMNS, FILING_COLUMNS, NEWS_COLUMNS, Quote,
    )


    class StillProvider:
        name = "still"
        simulated = False

        def bars(self, symbol, timeframe, start, end):
            self._refuse(symbol)
            at = pd.date_range(start.astimezone(UTC).date(), end.date(), freq="D", tz="UTC")
            at = at[(at >= start) & (at + timedelta(days=1) <= end)]
            frame = pd.DataFrame({"at": at, **dict.fromkeys(BAR_COLUMNS[1:], 100.0)})
            return frame[BAR_COLUMNS]

        def actions(self, symbol, start, end):
            return pd.DataFrame(columns=ACTION_COLUMNS)

        def news(self, symbol, start, end):
            return pd.DataFrame(columns=NEWS_COLUMNS)

        def filings(self, symbol):
            return pd.DataFrame(columns=FILING_COLUMNS)

        def earnings(self, symbol):
            return pd.DataFrame(columns=EARNINGS_COLUMNS)

        def quote(self, symbol):
            raise UnknownSymbolError(f"{symbol} has no quote. Ask for its bars.")

        def _refuse(self, symbol):
            if symbol != "BTC-USD":
                raise UnknownSymbolError(f"{symbol!r} is not followed here. Ask for BTC-USD.")
'''

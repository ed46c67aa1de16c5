"""A provider of your own: daily bars from a folder with one CSV file a symbol.

    python examples/provider.py FOLDER SYMBOL

checks the provider against the contract of every provider. `FOLDER/SYMBOL.csv` has the columns
`date` (2024-03-15), `open`, `high`, `low`, `close` and `volume`; prices are split-adjusted.
"""

# ruff: noqa: ARG002 what a folder does not have needs no arguments

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict

from domain.errors import (
    ConfigurationError,
    ProviderError,
    QuorumError,
    UnknownSymbolError,
    VerificationError,
)
from domain.symbols import parse_symbol
from domain.timeframe import Timeframe
from market.provider import (
    ACTION_COLUMNS,
    BAR_COLUMNS,
    EARNINGS_COLUMNS,
    FILING_COLUMNS,
    NEWS_COLUMNS,
    Quote,
)
from market.provider_contract import find_faults

COLUMNS = ["date", "open", "high", "low", "close", "volume"]


class CsvSettings(BaseModel):
    """The table `[market.options.csv_folder]` of `quorum.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path


class CsvFolderProvider:
    """A `Provider`, see `market/provider.py`. Bars only: what a folder does not have is empty."""

    name = "csv_folder"
    simulated = False
    Settings = CsvSettings

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ConfigurationError(
                f"market.options.csv_folder.folder {str(folder)!r} is no folder. Name one that is."
            )
        self._folder = folder

    @classmethod
    def create(
        cls,
        settings: CsvSettings,
        *,
        cache: Path,  # noqa: ARG003 for those that fetch
        now: Callable[[], datetime],  # noqa: ARG003 for those with a clock of their own
    ) -> "CsvFolderProvider":
        return cls(settings.folder)

    def bars(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> pd.DataFrame:
        """Bars that opened at `start` or later and had closed by `end`, oldest first. A daily bar
        is stamped with midnight UTC of its session's date."""
        if timeframe is not Timeframe.D1:
            raise ProviderError(f"{self.name} has daily bars only, not {timeframe}. Ask for 1d.")
        table = self._read(symbol)
        bars = table[COLUMNS[1:]].astype(float)
        bars["at"] = pd.to_datetime(table["date"], utc=True).dt.as_unit("us")
        bars["adj_close"] = bars["close"]
        known = (bars["at"] >= start) & (bars["at"] + timedelta(days=1) <= end)
        return bars.loc[known, BAR_COLUMNS].sort_values("at", ignore_index=True)

    def actions(self, symbol: str, start: datetime, end: datetime) -> pd.DataFrame:
        return pd.DataFrame(columns=ACTION_COLUMNS)

    def news(self, symbol: str, start: datetime, end: datetime) -> pd.DataFrame:
        return pd.DataFrame(columns=NEWS_COLUMNS)

    def filings(self, symbol: str) -> pd.DataFrame:
        return pd.DataFrame(columns=FILING_COLUMNS)

    def earnings(self, symbol: str) -> pd.DataFrame:
        return pd.DataFrame(columns=EARNINGS_COLUMNS)

    def quote(self, symbol: str) -> Quote:
        raise ProviderError(f"{self.name} has no quote of {symbol}. Ask for its bars.")

    def _read(self, symbol: str) -> pd.DataFrame:
        """Raises UnknownSymbolError without a file, and ProviderError for one that is no table of
        bars: the other symbols are fetched all the same."""
        path = self._folder / f"{parse_symbol(symbol)}.csv"
        try:
            return pd.read_csv(path, usecols=COLUMNS)
        except FileNotFoundError:
            raise UnknownSymbolError(
                f"{symbol!r} is not known to {self.name}. Put a file {path.name} into "
                f"{self._folder}."
            ) from None
        except (OSError, ValueError) as error:
            raise ProviderError(f"{path} cannot be read: {error}. Repair the file.") from None


def check(folder: Path, symbol: str) -> tuple[str, ...]:
    """The broken promises on the newest 60 days of the symbol's file, a sentence each."""
    provider = CsvFolderProvider(folder)
    bars = provider.bars(symbol, Timeframe.D1, datetime(1900, 1, 1, tzinfo=UTC), datetime.now(UTC))
    end = bars["at"].iloc[-1].to_pydatetime() + timedelta(days=1)
    return find_faults(provider, symbol, end - timedelta(days=60), end)


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        broken = check(Path(sys.argv[1]), sys.argv[2])
    except QuorumError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print("\n".join(broken) or f"The contract is kept on {sys.argv[2]}.")
    return VerificationError.exit_code if broken else 0


if __name__ == "__main__":
    sys.exit(main())

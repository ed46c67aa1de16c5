"""A wrapper around a provider of another package, so that its crashes stop nothing else.

Promises that every exception is a QuorumError: any other becomes a ProviderError, so that the
source counts as not fetched and the rest goes on. Leaves out whether the returned data are sound
(`provider_contract.py`).
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import pandas as pd

from domain.errors import ProviderError, QuorumError
from domain.timeframe import Timeframe
from market.provider import Provider, Quote

Result = TypeVar("Result")


class GuardedProvider:
    """Wraps `provider`; messages name `source`, the distribution it comes from."""

    def __init__(self, provider: Provider, source: str) -> None:
        self._provider = provider
        self._source = source
        self.name = provider.name
        self.simulated = provider.simulated

    def bars(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime
    ) -> pd.DataFrame:
        return self._call(lambda: self._provider.bars(symbol, timeframe, start, end))

    def actions(self, symbol: str, start: datetime, end: datetime) -> pd.DataFrame:
        return self._call(lambda: self._provider.actions(symbol, start, end))

    def news(self, symbol: str, start: datetime, end: datetime) -> pd.DataFrame:
        return self._call(lambda: self._provider.news(symbol, start, end))

    def filings(self, symbol: str) -> pd.DataFrame:
        return self._call(lambda: self._provider.filings(symbol))

    def earnings(self, symbol: str) -> pd.DataFrame:
        return self._call(lambda: self._provider.earnings(symbol))

    def quote(self, symbol: str) -> Quote:
        return self._call(lambda: self._provider.quote(symbol))

    def _call(self, method: Callable[[], Result]) -> Result:
        try:
            return method()
        except QuorumError:
            raise
        except Exception as error:
            raise ProviderError(
                f"The provider {self.name!r} of {self._source} crashed "
                f"({type(error).__name__}: {error}). Repair that package, or run its contract "
                "checks (docs/extend/extending.md)."
            ) from error

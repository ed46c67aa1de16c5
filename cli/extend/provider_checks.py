"""`check` of a provider: whether it keeps its contract for one symbol. Stores nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from domain.errors import InputError, UnknownSymbolError, VerificationError
from market.provider import Provider
from market.provider_contract import DEFAULT_DAYS, find_faults
from settings import Settings
from wiring.market import demo_now, make_provider
from wiring.stores import open_stores, utc_now


@dataclass(frozen=True, slots=True)
class ProviderCheckReport:
    """The result of a check. `faults` are sentences about broken promises; empty if all are
    kept."""

    provider: str
    symbol: str
    simulated: bool
    faults: tuple[str, ...]


def check_provider(settings: Settings, name: str, symbols: Sequence[str]) -> ProviderCheckReport:
    """Check the provider called `name` against its contract, on the first of `symbols` (of the
    watchlist, if empty) that it knows.

    Raises InputError if it knows none of them.
    """
    with open_stores(settings) as stores:
        simulated_now = demo_now(stores.journal)
        candidates = list(symbols) or list(stores.watchlist.symbols())
    provider = make_provider(settings, name, lambda: simulated_now)
    now = simulated_now if provider.simulated else utc_now()
    symbol = _known_symbol(settings, provider, candidates, now)
    timeframe = settings.market.timeframe
    found = find_faults(provider, symbol, now - timedelta(days=DEFAULT_DAYS), now, timeframe)
    return ProviderCheckReport(name, symbol, provider.simulated, found)


def refuse_if_broken(report: ProviderCheckReport) -> None:
    """Raise VerificationError if a promise is broken."""
    if report.faults:
        raise VerificationError(
            f"The provider {report.provider} breaks its contract on {report.symbol}: "
            f"{'; '.join(report.faults)}. docs/extend/extending.md says what a provider promises."
        )


def as_json(report: ProviderCheckReport) -> dict[str, Any]:
    return {
        "provider": report.provider,
        "symbol": report.symbol,
        "simulated": report.simulated,
        "kept": not report.faults,
        "faults": list(report.faults),
    }


def show(report: ProviderCheckReport, console: Console) -> None:
    kept = "broken" if report.faults else "kept"
    console.print(f"{report.provider} on {report.symbol}: contract {kept}", markup=False)
    for fault in report.faults:
        console.print(f"  {fault}", markup=False)


def _known_symbol(
    settings: Settings, provider: Provider, symbols: Sequence[str], now: datetime
) -> str:
    for symbol in symbols:
        try:
            provider.bars(
                symbol, settings.market.timeframe, now - timedelta(days=DEFAULT_DAYS), now
            )
        except UnknownSymbolError:
            continue
        return symbol
    raise InputError(
        f"The provider {provider.name} knows none of {', '.join(symbols) or 'no symbols'}. Name "
        "one that it knows with --symbol."
    )

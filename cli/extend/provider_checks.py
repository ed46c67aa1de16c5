"""`check` of a provider: does it keep its contract for one symbol? Stores nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from domain.errors import InputError, UnknownSymbolError, VerificationError
from market.provider import Provider
from market.provider_contract import DAYS, faults
from settings import Settings
from wiring.market import demo_now, make_provider
from wiring.stores import open_stores, utc_now


@dataclass(frozen=True, slots=True)
class CheckedProvider:
    """`faults` are sentences about broken promises, none where all are kept."""

    provider: str
    symbol: str
    simulated: bool
    faults: tuple[str, ...]


def check_provider(settings: Settings, name: str, symbols: Sequence[str]) -> CheckedProvider:
    """The contract of the provider called `name` on the first of `symbols` (the watchlist, if there
    are none) that it knows.

    Raises InputError where it knows none of them.
    """
    with open_stores(settings) as stores:
        present = demo_now(stores.journal)
        asked = list(symbols) or list(stores.watchlist.symbols())
    provider = make_provider(settings, name, lambda: present)
    now = present if provider.simulated else utc_now()
    symbol = _known_symbol(settings, provider, asked, now)
    timeframe = settings.market.timeframe
    found = faults(provider, symbol, now - timedelta(days=DAYS), now, timeframe)
    return CheckedProvider(name, symbol, provider.simulated, found)


def refuse_if_broken(checked: CheckedProvider) -> None:
    """Raises VerificationError where a promise is broken."""
    if checked.faults:
        raise VerificationError(
            f"The provider {checked.provider} breaks its contract on {checked.symbol}: "
            f"{'; '.join(checked.faults)}. docs/plugins.md says what a provider promises."
        )


def as_json(checked: CheckedProvider) -> dict[str, Any]:
    return {
        "provider": checked.provider,
        "symbol": checked.symbol,
        "simulated": checked.simulated,
        "kept": not checked.faults,
        "faults": list(checked.faults),
    }


def show(checked: CheckedProvider, console: Console) -> None:
    kept = "broken" if checked.faults else "kept"
    console.print(f"{checked.provider} on {checked.symbol}: contract {kept}", markup=False)
    for fault in checked.faults:
        console.print(f"  {fault}", markup=False)


def _known_symbol(
    settings: Settings, provider: Provider, symbols: Sequence[str], now: datetime
) -> str:
    for symbol in symbols:
        try:
            provider.bars(symbol, settings.market.timeframe, now - timedelta(days=DAYS), now)
        except UnknownSymbolError:
            continue
        return symbol
    raise InputError(
        f"The provider {provider.name} knows none of {', '.join(symbols) or 'no symbols'}. Name "
        "one that it knows with --symbol."
    )

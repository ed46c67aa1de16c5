"""The registry of providers: those shipped, and the entry points of other distributions.

A provider of another distribution is registered in the entry point group `quorum.providers`. Its
module is imported when the provider is made. The market of imported files has no provider.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from domain import plugins
from domain.errors import ConfigurationError
from market.guarded import GuardedProvider
from market.provider import Provider

GROUP = "quorum.providers"
SHIPPED: Mapping[str, str] = {
    "yahoo": "market.providers.yahoo:YahooProvider",
    "demo": "market.simulated.provider:DemoProvider",
}
FILES = "files"
"""The market of imported files, which has no provider."""
AUTO = "auto"
"""The setting that chooses among the available markets."""

_FOUND = plugins.build_registry("provider", GROUP, SHIPPED, (FILES, AUTO))
PROVIDERS: Mapping[str, EntryPoint] = _FOUND.entries
"""Every provider by name."""
PROBLEMS = _FOUND.problems
"""A sentence about each provider of another distribution that could not be registered."""


def make(
    name: str,
    settings: BaseModel | Mapping[str, Any],
    *,
    cache: Path,
    now: Callable[[], datetime],
) -> Provider:
    """Make the provider `name`: `provider_class.create(settings, cache=, now=)` where its class
    declares `Settings`, else `provider_class()`.

    `cache` is the provider's own folder, which need not exist, and `now` the clock of its market.
    Raises NotFoundError for an unknown name. Raises ConfigurationError for invalid settings, and
    for a provider of another distribution that cannot be loaded or made, has another name, or
    claims to be simulated.
    """
    entry = PROVIDERS[require_provider(name)]
    provider_class = plugins.load_class("provider", entry)
    try:
        declared = getattr(provider_class, "Settings", None)
        if declared is None:
            provider = provider_class()
        else:
            own_settings = _own_settings(name, declared, settings)
            provider = provider_class.create(own_settings, cache=cache, now=now)
        declared_name, simulated = provider.name, provider.simulated
    except ConfigurationError:
        raise
    except Exception as error:
        if entry.dist is None:
            raise
        raise ConfigurationError(
            f"The provider {name!r} of {plugins.distribution_label(entry)} cannot be made "
            f"({type(error).__name__}: {error}). Repair that package or uninstall it."
        ) from error
    if declared_name != name:
        raise ConfigurationError(
            f"The provider {name!r} of {plugins.distribution_label(entry)} "
            f"calls itself {declared_name!r}. "
            "Give it the same `name` as its entry point."
        )
    if simulated and entry.dist is not None:
        raise ConfigurationError(
            f"The provider {name!r} of {plugins.distribution_label(entry)} "
            "says that its market is simulated, "
            "which only the demo market may be. Set its `simulated` to False, or use "
            "market.provider 'demo'."
        )
    if entry.dist is not None:
        return GuardedProvider(provider, plugins.distribution_label(entry))
    made: Provider = provider
    return made


def require_provider(name: str) -> str:
    """Return `name` if there is such a provider; else raise NotFoundError naming the nearest."""
    return plugins.require_known("provider", name, PROVIDERS)


def _own_settings(
    name: str, declared: type[BaseModel], settings: BaseModel | Mapping[str, Any]
) -> BaseModel:
    if isinstance(settings, declared):
        return settings
    plugins.refuse_unknown_options(f"market.options.{name}", dict(settings), declared)
    try:
        return declared.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, ("market.options", name, *first["loc"])))
        raise ConfigurationError(f"The setting {key!r} is refused: {first['msg']}.") from None

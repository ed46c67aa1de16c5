"""Configuration, read once: command line over environment over `quorum.toml` over defaults.

Environment names are `QUORUM__SECTION__KEY`; `QUORUM_HOME` alone sets the folder for everything
Quorum writes. An unknown key is an error that names the nearest valid key: a typing mistake must
not silently mean a default. Each package defines its own section; this file only composes them.
"""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from agents.registry import AgentSettings
from domain import plugins
from domain.errors import ConfigurationError, InputError, NotFoundError
from domain.symbols import AssetClass, parse_symbol
from domain.timeframe import Timeframe
from market.feed import FeedSettings
from market.registry import AUTO, FILES, PROVIDERS
from market.settings import DemoSettings, YahooSettings
from orchestrator.account.store import AccountSettings
from orchestrator.committee.pooling import CommitteeSettings
from trading.costs import CostSettings
from trading.limits import LimitSettings

PROJECT_ROOT = Path(__file__).resolve().parent
PREFIX = "QUORUM__"
DEMO = "demo"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ServerSettings(Section):
    """Where the pages are served."""

    host: str = "127.0.0.1"
    """A loopback address: there is no sign-in, so nothing else is accepted."""
    port: int = Field(default=8765, ge=0, le=65535)
    """0 takes a free port."""

    @model_validator(mode="after")
    def _stay_on_loopback(self) -> Self:
        if self.host not in LOOPBACK:
            raise ValueError(
                f"server.host {self.host!r} would open an unguarded server to the network. "
                f"Use one of {', '.join(LOOPBACK)} and put an authenticating proxy in front."
            )
        return self


class MarketSettings(Section):
    """Which market is watched, and how."""

    provider: str = AUTO
    """`auto`: `files` once something was imported, else Yahoo if it answers, else the demo. Or
    `yahoo`, `files`, `demo`, or a provider of another package."""
    by_class: dict[AssetClass, str] = {}
    """Another provider for a class of symbols, such as `{crypto = "files"}`."""
    options: dict[str, dict[str, Any]] = {}
    """Settings of providers from other packages, a table each: `[market.options.NAME]`."""
    timeframe: Timeframe = Timeframe.D1
    """Length of a bar: 1m, 5m, 15m, 30m, 1h or 1d."""
    horizon: int = Field(default=5, ge=1, le=250)
    """Bars from the fill at the next open to the open at which a vote is settled."""
    watchlist: list[str] = [
        "AAPL", "MSFT", "NVDA", "AMZN", "GOOGL", "META", "TSLA", "JPM", "XOM", "SPY", "GLD",
        "BTC-USD",
    ]  # fmt: skip
    """The watchlist of a new home; afterwards it is edited in the page or by `quorum watch`."""

    @field_validator("watchlist")
    @classmethod
    def _of_symbols(cls, watchlist: list[str]) -> list[str]:
        try:
            return list(dict.fromkeys(map(parse_symbol, watchlist)))
        except InputError as error:
            raise ValueError(f"market.watchlist: {error}") from None

    @field_validator("provider")
    @classmethod
    def _is_a_market(cls, name: str) -> str:
        return _one_of("market.provider", name, (AUTO, FILES, *PROVIDERS))

    @field_validator("by_class")
    @classmethod
    def _are_markets(cls, by_class: dict[AssetClass, str]) -> dict[AssetClass, str]:
        real = (FILES, *(name for name in PROVIDERS if name != DEMO))
        for name in by_class.values():
            _one_of("market.by_class", name, real)
        return by_class

    @field_validator("options")
    @classmethod
    def _of_providers(cls, options: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name in options:
            _one_of("market.options", name, tuple(PROVIDERS))
        return options

    @model_validator(mode="after")
    def _never_mix_simulated_and_real(self) -> Self:
        if self.provider == DEMO and self.by_class:
            raise ValueError(
                "market.by_class cannot be combined with market.provider 'demo': simulated and "
                "real prices are never mixed. Remove by_class or choose another provider."
            )
        return self


class DatabaseSettings(Section):
    url: str | None = None
    """SQLAlchemy address such as `postgresql+psycopg://user:password@host/quorum`; None is
    SQLite in the home."""

    @field_validator("url")
    @classmethod
    def _readable(cls, url: str | None) -> str | None:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            make_url(url or "sqlite://")
        except (ArgumentError, ValueError):  # it may hold a password, so it is not repeated
            raise ValueError(
                "database.url cannot be read. Write sqlite:////path/to/a/file or "
                "postgresql://user:password@host:5432/database, with %40 for an @ in the password."
            ) from None
        return url


class RaySettings(Section):
    address: str | None = None
    """An existing cluster, `host:port`; None starts a local Ray."""
    timeout_seconds: float = Field(default=30.0, gt=0)
    """An agent that has not answered by then has abstained from the cycle."""
    object_store_mb: int = Field(default=256, ge=80)
    """Shared memory in which a local Ray hands panels to the agents."""
    dashboard: bool = True
    """Whether a local Ray has its dashboard, on loopback."""


class Settings(BaseSettings):
    """All settings. Make them with `load_settings`, which explains errors in plain words."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    server: ServerSettings = ServerSettings()
    market: MarketSettings = MarketSettings()
    yahoo: YahooSettings = YahooSettings()
    demo: DemoSettings = DemoSettings()
    feed: FeedSettings = FeedSettings()
    agents: AgentSettings = AgentSettings()
    committee: CommitteeSettings = CommitteeSettings()
    account: AccountSettings = AccountSettings()
    costs: CostSettings = CostSettings()
    limits: LimitSettings = LimitSettings()
    database: DatabaseSettings = DatabaseSettings()
    ray: RaySettings = RaySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return init_settings, env_settings, toml

    @property
    def home(self) -> Path:
        return home()


def home() -> Path:
    """Return the folder that holds everything Quorum writes."""
    return Path(os.environ.get("QUORUM_HOME") or PROJECT_ROOT / "var").expanduser().resolve()


def config_file() -> Path | None:
    """Return the first `quorum.toml` found: in the home, then in the working directory."""
    candidates = (home() / "quorum.toml", Path.cwd() / "quorum.toml")
    return next((path for path in candidates if path.is_file()), None)


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """Load the settings, with the command line's `overrides` (nested dictionaries) on top.

    Raises ConfigurationError naming the key, where it was found, the refused value and the nearest
    valid key.
    """
    source = config_file()
    try:
        _refuse_unknown_environment()
        return _with_round_trip_cost(_with_home_models_dir(Settings(**(overrides or {}))))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source} is not valid TOML: {error}.") from None
    except OSError as error:
        raise ConfigurationError(f"{source} cannot be read: {error.strerror}.") from None
    except SettingsError as error:
        raise ConfigurationError(
            f"The environment has an {error}: lists and tables are written as JSON there, such as "
            f"""{PREFIX}MARKET__WATCHLIST='["AAPL", "MSFT"]'."""
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(_describe_validation_error(first, source)) from None


def redact(settings: Settings) -> dict[str, Any]:
    """Return the effective configuration as plain JSON, a section a key, passwords replaced by
    stars."""
    shown: dict[str, Any] = settings.model_dump(mode="json")
    if settings.database.url:
        from sqlalchemy import make_url

        shown["database"]["url"] = make_url(settings.database.url).render_as_string()
    return shown


def _one_of(key: str, name: str, names: Sequence[str]) -> str:
    try:
        return plugins.require_known("market", name, names)
    except NotFoundError as error:
        raise ValueError(f"{key}: {error}") from None


def _with_home_models_dir(settings: Settings) -> Settings:
    """Keep models in the home, unless another folder is configured."""
    if "models_dir" in settings.agents.model_fields_set:
        return settings
    agents = settings.agents.model_copy(update={"models_dir": home() / "models"})
    return settings.model_copy(update={"agents": agents})


def _with_round_trip_cost(settings: Settings) -> Settings:
    """Set the committee's round-trip cost to that of the configured costs, unless it is configured
    itself."""
    if "round_trip_cost" in settings.committee.model_fields_set:
        return settings
    known = {"round_trip_cost": settings.costs.round_trip}
    committee = settings.committee.model_copy(update=known)
    return settings.model_copy(update={"committee": committee})


def _describe_validation_error(error: Any, source: Path | None) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"Unknown setting {key!r}{_suggestion(key)} (environment or {source or 'no file'})."
    reason = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "value_error":
        return reason
    return f"Setting {key!r} cannot be {error['input']!r}: {reason}."


def _refuse_unknown_environment() -> None:
    valid = set(_setting_keys(Settings))
    for name in os.environ:
        if not name.upper().startswith("QUORUM_") or name == "QUORUM_HOME":
            continue
        key = name.upper().removeprefix("QUORUM").strip("_").lower().replace("__", ".")
        if not name.upper().startswith(PREFIX) or not any(
            key == known or key.startswith(f"{known}.") for known in valid
        ):
            raise ConfigurationError(f"Unknown setting {name}{_suggestion(key, environment=True)}.")


def _suggestion(key: str, *, environment: bool = False) -> str:
    close = difflib.get_close_matches(key, list(_setting_keys(Settings)), n=1, cutoff=0.5)
    if not close:
        return "; `quorum config show` lists the valid ones"
    name = PREFIX + close[0].replace(".", "__").upper() if environment else close[0]
    return f"; did you mean {name!r}?"


def _setting_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        if section is None:
            yield f"{prefix}{name}"
        else:
            yield from _setting_keys(section, f"{prefix}{name}.")


def _section(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None

"""Settings of the shipped providers, apart from their modules: reading a configuration must not
import a vendor's library."""

from pydantic import BaseModel, ConfigDict, Field


class YahooSettings(BaseModel):
    """How Yahoo is reached."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    url: str | None = None
    """A proxy that answers as Yahoo does; None asks Yahoo itself."""


class DemoSettings(BaseModel):
    """The simulated market."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    seed: int = 7
    """Same seed, same market, on every machine."""
    seconds_per_bar: float = Field(default=5.0, gt=0)
    """How long a simulated session lasts while the engine runs."""

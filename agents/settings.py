"""Settings of single agents, apart from their modules so that reading a configuration imports no
agent's libraries."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class NewsSettings(BaseModel):
    """How headlines are scored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models_dir: Path = Field(
        default=Path("var/models"),
        description="Folder of downloaded and imported models; `models` in the home when unset.",
    )
    news_model: str = Field(
        default="auto",
        description="Headline scorer: a transformers model id or folder, 'lexicon', or 'auto'.",
    )


class RlSettings(BaseModel):
    """Which policy votes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rl_policy: Path | None = Field(
        default=None,
        description="Folder of a policy that votes whatever is promoted; unset: the promoted "
        "model, else the policy that ships.",
    )

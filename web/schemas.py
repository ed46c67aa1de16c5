"""Schemas of the API. Every response names its market and says whether that is simulated."""

import json
from dataclasses import dataclass, fields
from typing import Any, TypeVar, cast

import msgspec
from litestar import Response

from domain.canonical import to_json
from domain.stored_names import stored_fields
from web.services import ServedRun

T = TypeVar("T")


class JsonResponse(Response[Any]):
    """JSON as `domain/canonical.py` spells it, all in ASCII, so that no text can break it."""

    def render(self, content: Any, media_type: str, enc_hook: Any = None) -> bytes:  # noqa: ARG002
        if isinstance(content, bytes):
            return content
        return json.dumps(to_json(content), allow_nan=False).encode("ascii")


class ApiRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request body. Unknown fields are refused: a misspelt stop loss must not become an order
    without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    market: str
    run: str
    simulated: bool


def to_schema(value: Any, schema: type[T], **given: Any) -> T:
    """Convert the dataclass `value` to a published schema: a field takes the value `given` under
    its name, else the value of the dataclass's field published under that name. The schema may
    leave fields out."""
    published = {name: getattr(value, own) for own, name in stored_fields(value.__class__)} | given
    names = (field.name for field in fields(cast(Any, schema)))
    return schema(**{name: published[name] for name in names})


def market_fields(served_run: ServedRun) -> dict[str, Any]:
    """Return the fields that every response begins with."""
    return {"market": served_run.market, "run": served_run.run, "simulated": served_run.simulated}

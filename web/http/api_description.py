"""The API's description of itself."""

import math
from typing import Any

from litestar import get

from web.shell import WebRequest


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def api_description(request: WebRequest) -> dict[str, Any]:
    """This API's description of itself."""
    description: dict[str, Any] = _without_nan(request.app.openapi_schema.to_schema())
    return description


def _without_nan(part: Any) -> Any:
    """Remove defaults that JSON cannot spell: NaN, which means "the same as the others"."""
    if isinstance(part, dict):
        return {key: _without_nan(each) for key, each in part.items() if not _is_not_finite(each)}
    return [_without_nan(each) for each in part] if isinstance(part, list) else part


def _is_not_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)

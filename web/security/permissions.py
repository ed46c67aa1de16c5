"""What a route asks of whoever calls it. A route without a declared permission is refused.

There is no signing in yet: the server listens on loopback, so everybody who reaches it is the
owner of the machine.
"""

from enum import StrEnum
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler

OPTION = "permission"
"""The key of a route's permission in its `opt`."""


class Permission(StrEnum):
    """`LOCAL`: whoever can reach the server on this machine."""

    LOCAL = "local"


def require_permission(
    connection: ASGIConnection[BaseRouteHandler, Any, Any, Any],  # noqa: ARG001
    handler: BaseRouteHandler,
) -> None:
    """Guard of the application: refuse what declares no permission."""
    if not isinstance(handler.opt.get(OPTION), Permission):
        raise PermissionDeniedException(f"{handler} declares no permission.")

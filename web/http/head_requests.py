"""HEAD on every address that answers GET: the same status and headers, without the body."""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

STREAMING_PATHS = frozenset({"/stream", "/api/v1/events"})
"""URLs whose response never ends, so that HEAD cannot be answered from GET."""


def answer_head_requests(app: ASGIApp) -> ASGIApp:
    """Return `app` with HEAD answered by its GET handlers."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == ScopeType.HTTP
            and scope["method"] == "HEAD"
            and scope["path"] not in STREAMING_PATHS
        ):
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        await app(scope, receive, send)

    return answer


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message["body"] = b""
        await send(message)

    return send_head

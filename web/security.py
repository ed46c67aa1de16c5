"""Security of every request: who may ask, who may change something, what a page may load.

Promises that a name rebound to this machine is refused (Host), that another site's page can read
and change nothing (Origin, Sec-Fetch-Site), and that a page runs only our own files (CSP; an
answer that brings a policy of its own, a tear sheet, is held to that one).
Leaves out signing in: the server stays on loopback, and a proxy that is put in front brings that.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
STREAMING_PATHS = frozenset({"/stream", "/api/v1/events"})
"""Addresses whose answer has no end, so that nobody can be told only how it would begin."""
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class SecurityMiddleware:
    """ASGI around the whole application, its routing included."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = LOOPBACK | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own_headers = list(message.get("headers", ()))
                header_names = {name.lower() for name, _ in own_headers}
                message["headers"] = [
                    *own_headers,
                    *(h for h in HEADERS if h[0] not in header_names),
                ]
            await send(message)

        responder: Send = send_with_headers
        if scope["method"] == "HEAD" and scope["path"] not in STREAMING_PATHS:
            scope, responder = {**scope, "method": "GET"}, _without_body(send_with_headers)
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if refusal := self._rejection_reason(str(scope.get("method")), headers):
            await _send_forbidden(responder, refusal)
        else:
            await self._app(scope, receive, responder)

    def _rejection_reason(self, method: str, headers: dict[bytes, str]) -> str | None:
        host = headers.get(b"host", "").lower()
        if _without_port(host) not in self._hosts:
            return (
                "This server answers only to its loopback names. "
                "Open it as http://localhost or http://127.0.0.1 with its port."
            )
        if method in _SAFE_METHODS:
            return None
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        foreign_site = site is not None and site not in {"same-origin", "none"}
        foreign_origin = origin is not None and urlsplit(origin).netloc.lower() != host
        if foreign_site or foreign_origin:
            return "Another site's page may not change anything here. Use Quorum's own pages."
        return None


def _without_body(send: Send) -> Send:
    """For HEAD: what a GET would be answered, without the body."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message["body"] = b""
        await send(message)

    return send_head


def _without_port(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return name if separator and port.isdigit() else host


async def _send_forbidden(send: Send, reason: str) -> None:
    body = reason.encode()
    await send(
        {
            "type": "http.response.start",
            "status": 403,
            "headers": [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})

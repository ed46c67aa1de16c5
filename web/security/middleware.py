"""Security of every request: who may send it, who may change something, what a page may load.

Promises that a name rebound to this machine is refused (Host), that another site's page can read
and change nothing (Origin, Sec-Fetch-Site), and that a page runs only our own files (CSP; a
response with a policy of its own, a tear sheet, keeps that one). Leaves out signing in: the server
stays on loopback, and a proxy in front of it provides that.
"""

from collections.abc import Iterable
from typing import cast
from urllib.parse import urlsplit

from litestar.datastructures import Headers
from litestar.enums import MediaType, ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
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


class SameSiteMiddleware(ASGIMiddleware):
    """Refuses requests to other names than `hosts` and the loopback ones, and changes that another
    site asks for."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._hosts = LOOPBACK | {host.lower() for host in hosts}

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        if refusal := self.refusal(cast(HTTPScope, scope)):
            response = ASGIResponse(
                body=refusal.encode(), status_code=403, media_type=MediaType.TEXT
            )
            await response(scope, receive, send)
        else:
            await next_app(scope, receive, send)

    def refusal(self, scope: HTTPScope) -> str | None:
        """Return why a request is refused; None if it may pass."""
        headers = Headers.from_scope(scope)
        host = headers.get("host", "").lower()
        if _without_port(host) not in self._hosts:
            return (
                "This server answers only to its loopback names. "
                "Open it as http://localhost or http://127.0.0.1 with its port."
            )
        if scope["method"] in _SAFE_METHODS:
            return None
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        foreign_site = site is not None and site not in {"same-origin", "none"}
        foreign_origin = origin is not None and urlsplit(origin).netloc.lower() != host
        if foreign_site or foreign_origin:
            return "Another site's page may not change anything here. Use Quorum's own pages."
        return None


async def add_security_headers(message: Message, scope: Scope) -> None:  # noqa: ARG001
    """Add the headers to every response, also to those of the router itself; a header that the
    response has stays."""
    if message["type"] == "http.response.start":
        own_headers = list(message.get("headers", ()))
        names = {name.lower() for name, _ in own_headers}
        message["headers"] = [*own_headers, *(h for h in HEADERS if h[0] not in names)]


def _without_port(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return name if separator and port.isdigit() else host

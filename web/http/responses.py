"""Responses of the pages' handlers."""

from typing import Any

from litestar import Response
from litestar.response import Redirect

from web.render import Renderer, TemplateContext

HTML = "text/html"


def html_response(renderer: Renderer, context: TemplateContext, status: int = 200) -> Response[Any]:
    """Return a page that no cache may keep: it shows the current state."""
    return Response(
        renderer.page(context),
        media_type=HTML,
        status_code=status,
        headers={"Cache-Control": "no-store"},
    )


def see_other(path: str) -> Redirect:
    """Redirect to another page of ours after an action."""
    return Redirect(path, status_code=303)


def safe_redirect_path(path: str, default: str = "/") -> str:
    """Return `path` if it leads to a page of ours, else `default`."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_local else default

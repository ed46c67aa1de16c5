"""What a page's handler answers with."""

from typing import Any

from litestar import Response
from litestar.response import Redirect

from web.render import Renderer, TemplateContext

HTML = "text/html"


def html_response(renderer: Renderer, context: TemplateContext, status: int = 200) -> Response[Any]:
    """A page, never kept by a cache: it shows things as they stand."""
    return Response(
        renderer.page(context),
        media_type=HTML,
        status_code=status,
        headers={"Cache-Control": "no-store"},
    )


def see_other(path: str) -> Redirect:
    """To another page of ours after something was done."""
    return Redirect(path, status_code=303)


def safe_redirect_path(path: str, default: str = "/") -> str:
    """`path` if it leads to a page of ours, else `default`."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_local else default

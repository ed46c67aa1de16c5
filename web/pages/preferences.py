"""How the pages look, kept in cookies: theme and palette."""

from typing import Annotated

from litestar import post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from web.pages.responses import ours, see_other

CHOICES = {"theme": ("auto", "light", "dark"), "palette": ("default", "safe")}
_YEAR = 365 * 24 * 3600


@post("/preferences", include_in_schema=False, sync_to_thread=False)
def prefer(
    data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Redirect:
    """Keeps what is chosen and goes back to the page it was chosen on; other values are ignored."""
    back = data.get("back", "/")
    answer = see_other(ours(back))
    for name, choices in CHOICES.items():
        if data.get(name) in choices:
            kept = Cookie(name, value=data[name], max_age=_YEAR, httponly=True, samesite="lax")
            answer.set_cookie(kept)
    return answer

"""The pages' appearance, kept in cookies: theme and palette."""

from litestar import post
from litestar.datastructures import Cookie
from litestar.response import Redirect

from web.http.forms import Form
from web.http.responses import safe_redirect_path, see_other

CHOICES = {"theme": ("auto", "light", "dark"), "palette": ("default", "safe")}
_YEAR = 365 * 24 * 3600


@post("/preferences", include_in_schema=False, sync_to_thread=False)
def set_preferences(
    data: Form,
) -> Redirect:
    """Store the choice and go back to the page it was made on; ignore other values."""
    back = data.get("back", "/")
    response = see_other(safe_redirect_path(back))
    for name, choices in CHOICES.items():
        if data.get(name) in choices:
            cookie = Cookie(name, value=data[name], max_age=_YEAR, httponly=True, samesite="lax")
            response.set_cookie(cookie)
    return response

"""Forms of the pages as handlers take them."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar.enums import RequestEncodingType
from litestar.params import Body

from domain.errors import InputError

_URL_ENCODED = Body(media_type=RequestEncodingType.URL_ENCODED)
Form = Annotated[dict[str, str], _URL_ENCODED]
"""The fields of a form, each sent once."""
ListForm = Annotated[dict[str, Any], _URL_ENCODED]
"""The fields of a form in which some are sent several times, as lists."""


def require_confirmation(data: Mapping[str, Any], what: str, page: str) -> None:
    """Check that the dialog on `page` confirmed the action. Raises InputError where it did not."""
    if data.get("sure") != "yes":
        raise InputError(f"{what} was not confirmed. Use the dialog on {page}.")

"""Every error in words: problem details for programs, a page for people, never a traceback."""

import logging
import uuid
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, ClassVar

from litestar import Response, get
from litestar.exceptions import HTTPException, ValidationException
from litestar.params import FromPath

from domain.canonical import canonical_bytes
from domain.errors import InputError, NotFoundError, QuorumError
from web.http.responses import html_response
from web.render import Renderer
from web.services import ServedRun
from web.shell import PageContext, ShellBuilder, WebRequest

log = logging.getLogger("quorum.web")


@dataclass(frozen=True, slots=True)
class Problem:
    """`title` is the status in words, `detail` what was refused and what to do, `field` the field
    at fault, '' where it is not a single one."""

    status: int
    title: str
    detail: str
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPage(PageContext):
    template: ClassVar[str] = "components/problem.html"
    problem: Problem


def problem_from_error(error: Exception) -> Problem:
    """Return what to say about an error. An unforeseen one is logged under a number that is
    shown."""
    if isinstance(error, InputError):
        return replace(_problem(error.status, str(error)), field=error.field)
    if isinstance(error, QuorumError):
        return _problem(error.status, str(error))
    if isinstance(error, ValidationException):
        return _problem(error.status_code, _validation_message(error))
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _problem(error.status_code, _HTTP_MESSAGES.get(error.status_code, error.detail))
    if isinstance(error, UnicodeDecodeError):
        return _problem(400, "The request is not UTF-8. Send it in that encoding.")
    number = uuid.uuid4().hex[:8]
    log.error("unforeseen error %s", number, exc_info=error)
    return _problem(500, f"Something broke on our side. The log says more under {number}.")


@get("/{path:path}", include_in_schema=False, sync_to_thread=False)
def not_found(path: FromPath[str]) -> None:
    """Handle every address without a handler of its own, so that its response passes the same
    checks."""
    raise NotFoundError(
        f"There is nothing at {path[:80]}. The overview is at /, the API's description at "
        "/api/v1/openapi.json."
    )


class ProblemResponder:
    """Answers errors: JSON for programs, a page for browsers."""

    def __init__(
        self, served_run: ServedRun, shell_builder: ShellBuilder, renderer: Renderer
    ) -> None:
        self._served_run, self._shell_builder = served_run, shell_builder
        self._renderer = renderer

    def respond(self, request: WebRequest, error: Exception) -> Response[Any]:
        problem = problem_from_error(error)
        if request.url.path.startswith(("/api/", "/stream", "/health", "/ready", "/static/")):
            return self._json_response(problem)
        try:
            shell = self._shell_builder.build(request, problem.title)
            page = ProblemPage(shell=shell, problem=problem)
            return html_response(self._renderer, page, problem.status)
        except Exception:  # the database may be the very thing that broke
            log.exception("the page of an error could not be drawn")
            return self._json_response(problem)

    def _json_response(self, problem: Problem) -> Response[Any]:
        body = {
            "type": "about:blank",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "simulated": self._served_run.simulated,
        } | ({"field": problem.field} if problem.field else {})
        return Response(
            canonical_bytes(body),
            status_code=problem.status,
            media_type="application/problem+json",
        )


_HTTP_MESSAGES = {
    404: "There is nothing at that address. See /api/v1/openapi.json for what there is.",
    413: "The request is larger than 256 KiB. Send less at once.",
    405: "That address does not take this method. See /api/v1/openapi.json for what it takes.",
}


def _problem(status: int, detail: str) -> Problem:
    return Problem(status, HTTPStatus(status).phrase, detail)


def _validation_message(error: ValidationException) -> str:
    """Name each invalid parameter and what is wrong with it."""
    extra = error.extra if isinstance(error.extra, list) else []
    parts = [
        f"{fault.get('key', 'the body')}: {fault.get('message', 'cannot be read')}"
        for fault in extra
        if isinstance(fault, dict)
    ]
    message = "; ".join(parts) or "The request cannot be read"
    return f"{message[:500]}. See /api/v1/openapi.json for what is asked."

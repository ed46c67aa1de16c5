"""A backtest as one HTML file that needs nothing else: no script, no font, no picture, no network.

Promises that what a stranger named (a symbol, a note, an agent) stands there as text, that the
file forbids itself everything but its own style, and that it says what was supposed and what its
figures cannot tell.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.instants import Times
from domain.panel import Floats
from research.report.record_view import record_view
from research.report.result_view import result_view

TEMPLATES = Path(__file__).parent / "templates"


def render_tear_sheet(result: Mapping[str, Any], times: Times, curves: Mapping[str, Floats]) -> str:
    """The file for a `result.json` and the equities (T,) of everybody in it, by name."""
    style = _style()
    view = result_view(result, times, curves)
    return (
        _environment()
        .get_template("tearsheet.html")
        .render(
            title=view.title,
            policy=_style_policy(style),
            style=style,
            result=view,
            forecasts=record_view(result.get("forecasts")),
        )
    )


def content_security_policy(html: str) -> str:
    """The Content-Security-Policy to serve a tear sheet with: its own style and nothing else."""
    found = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    return _style_policy(found[1] if found else "")


def _style_policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    from markupsafe import Markup

    sheets = (TEMPLATES / name for name in ("figures.css", "tearsheet.css"))
    return Markup("".join(sheet.read_text("utf-8") for sheet in sheets))  # noqa: S704 our own files

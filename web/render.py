"""Renders templates to bytes, the same way for pages and stream.

Promises that everything is escaped, that untrusted text loses its control and direction characters,
that a name which a template uses but its context lacks is an error, and that stream and page are
drawn alike. A backtest's results are drawn by the partials of its tear sheet.
"""

from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, Protocol

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from research.report.tearsheet import TEMPLATES as RESULTS
from web import formatting
from web.http.static_files import Assets

FEATURES = [folder.parent for folder in sorted(Path(__file__).parent.glob("*/templates"))]
"""The folders of `web/` that hold templates: `orders/_fills.html` is the partial `_fills.html` in
the templates of `orders`."""


class TemplateContext(Protocol):
    """A frozen dataclass with the template it is for; its fields are the template's variables."""

    template: ClassVar[str]
    __dataclass_fields__: ClassVar[dict[str, Any]]


class Renderer:
    """One Jinja environment. Rendering is safe in several threads."""

    def __init__(self, assets: Assets) -> None:
        self.environment = Environment(
            loader=ChoiceLoader(
                [
                    PrefixLoader(
                        {folder.name: FileSystemLoader(folder / "templates") for folder in FEATURES}
                    ),
                    FileSystemLoader(RESULTS),
                ]
            ),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=formatting.printable,
            auto_reload=False,
        )
        self.environment.globals["asset"] = assets.url
        self.environment.filters |= {"iso": formatting.iso, "instant": formatting.instant}

    def page(self, context: TemplateContext) -> bytes:
        names = {field.name: getattr(context, field.name) for field in fields(context)}
        return self.environment.get_template(context.template).render(names).encode()

    def partial(self, partial: str, **names: Any) -> str:
        """Render a partial: "orders/fills" is `_fills.html` in the templates of `orders`."""
        folder, _, name = partial.rpartition("/")
        return self.environment.get_template(f"{folder}/_{name}.html").render(names)

"""`docs/extend/api.md` names every address, every kind of event and every field that is sent."""

import json
import re
from pathlib import Path

import pytest

from domain.events import EventKind
from tests.web.demo_app import DemoApp
from web.features import FEATURES
from web.live import endpoints
from web.server import Routes, create_app

API = Routes.of(FEATURES).api
ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "extend" / "api.md").read_text()
STORED = json.loads((ROOT / "tests" / "golden" / "canonical-0.1.0.json").read_text())
IN_EVERY_CYCLE = {"market", "simulated", "timeframe", "as_of"}
"""Fields that the page names once for all events of a cycle."""


def spans(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def rows_of_events() -> dict[str, str]:
    return dict(re.findall(r"^\| `(\w+\.\w+)` (\|.*)$", PAGE, re.MULTILINE))


def test_every_address_is_named_and_no_other() -> None:
    addresses = {
        f"{method} {re.sub(r':str', '', path)}"
        for handler in API
        for path in handler.paths
        for method in handler.http_methods - {"HEAD", "OPTIONS"}
    }
    table = PAGE.split("## Addresses")[1].split("## Events")[0]
    named = {span for span in spans(table) if re.match(r"(GET|POST|PUT|PATCH|DELETE) /[a-z]", span)}
    assert named - {"GET /events"} == addresses - {"GET /events"}
    assert endpoints.events in API
    assert "GET /events" in named


def test_the_description_holds_the_api_and_nothing_else(tmp_path: Path) -> None:
    paths = create_app(DemoApp(tmp_path).services()).openapi_schema.paths or {}
    assert [path for path in paths if not path.startswith("/api/v1/")] == []


def test_every_kind_of_event_is_named_and_no_other() -> None:
    assert rows_of_events().keys() == {kind.value for kind in EventKind}


@pytest.mark.parametrize("stored", STORED["published events"], ids=lambda each: each["kind"])
def test_every_field_of_an_event_is_named(stored: dict[str, str]) -> None:
    named = spans(rows_of_events()[stored["kind"]])
    assert set(json.loads(stored["bytes"])) - IN_EVERY_CYCLE - named == set()


@pytest.mark.parametrize("stored", STORED["decisions"])
def test_every_field_of_a_decision_and_of_its_votes_is_named(stored: str) -> None:
    decision, rows = json.loads(stored), rows_of_events()
    assert decision.keys() - spans(rows["decision.made"]) == set()
    named = spans(rows["vote.cast"])
    for vote in decision["votes"]:
        assert vote.keys() - named == set()
        assert {name for reason in vote["reasons"] for name in reason} - named == set()

"""A panel comes back to the last bit, and what two panels share is stored once."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from domain.errors import VerificationError
from domain.panel import Panel
from domain.timeframe import Timeframe
from storage.database import Database
from storage.journal.panel_archive import PanelManifest, SqlPanelArchive, panel_digest, store_panel
from tests.storage.samples import panel


def stored(database: Database, given: Panel) -> PanelManifest:
    with database.writing() as connection:
        return store_panel(connection, given)


def chunks(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(text("SELECT count(*) FROM chunk")).scalar_one())


def assert_equal_to_the_last_bit(one: object, other: object) -> None:
    for field in fields(one):  # type: ignore[arg-type]
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype
            assert left.shape == right.shape
            assert right.flags.c_contiguous
            assert left.tobytes() == right.tobytes(), field.name
        elif hasattr(left, "known_at"):
            assert_equal_to_the_last_bit(left, right)
        else:
            assert left == right, field.name


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    days=st.integers(1, 500),
    seed=st.integers(0, 9),
    timeframe=st.sampled_from(Timeframe),
    symbols=st.sampled_from([("AAPL",), ("AAPL", "MSFT", "XOM")]),
    events=st.integers(0, 40),
)
def test_a_panel_comes_back_to_the_last_bit(
    database: Database,
    days: int,
    seed: int,
    timeframe: Timeframe,
    symbols: tuple[str, ...],
    events: int,
) -> None:
    given = replace(panel(days, symbols, seed, events), timeframe=timeframe)
    manifest = PanelManifest.from_json(stored(database, given).to_json())
    loaded = SqlPanelArchive(database).load(manifest)
    assert_equal_to_the_last_bit(given, loaded)
    assert manifest.digest == panel_digest(given) == panel_digest(loaded)


def test_odd_bits_survive(database: Database) -> None:
    odd = panel(3, events=0)
    odd.close[0, 0] = -0.0
    odd.open[1, 0] = -np.float64("nan")
    odd.high[2, 1] = np.float64(5e-324)
    assert_equal_to_the_last_bit(odd, SqlPanelArchive(database).load(stored(database, odd)))


def test_a_head_has_the_digest_of_the_panel_built_then() -> None:
    whole = panel(400)
    head = whole.head(123)
    copy = replace(head, close=head.close.copy(), open=np.asfortranarray(head.open))
    assert panel_digest(head) == panel_digest(copy) != panel_digest(whole)


@pytest.mark.parametrize(
    "change",
    [
        {"horizon": 6},
        {"simulated": False},
        {"calendar": "XLON"},
        {"symbols": ("AAPL", "MSFX")},
        {"unavailable": {}},
        {"timeframe": Timeframe.H1},
    ],
)
def test_whatever_differs_gives_another_digest(change: dict[str, object]) -> None:
    assert panel_digest(replace(panel(), **change)) != panel_digest(panel())  # type: ignore[arg-type]


def test_a_changed_price_gives_another_digest() -> None:
    other = panel()
    other.close[-1, 0] = np.nextafter(other.close[-1, 0], 1)
    assert panel_digest(other) != panel_digest(panel())


def test_the_next_day_shares_all_but_the_newest_pieces(database: Database) -> None:
    whole = panel(700, events=0)
    stored(database, whole.head(500))
    before = chunks(database)
    stored(database, whole.head(501))
    assert chunks(database) == before + 3  # the newest year: rows, and two symbols' bars
    stored(database, whole.head(501))
    assert chunks(database) == before + 3


def test_a_damaged_or_missing_piece_is_named(database: Database) -> None:
    manifest = stored(database, panel(5, events=0))
    broken = manifest.bars[0][0]
    with database.writing() as connection:
        spoil = text("UPDATE chunk SET body = :body WHERE digest = :digest")
        connection.execute(spoil, {"body": b"nonsense", "digest": broken})
    with pytest.raises(VerificationError, match=f"Piece {broken[:12]} .* restore"):
        SqlPanelArchive(database).load(manifest)
    with database.writing() as connection:
        connection.execute(text("DELETE FROM chunk"))
    with pytest.raises(VerificationError, match="is missing or damaged"):
        SqlPanelArchive(database).load(manifest)

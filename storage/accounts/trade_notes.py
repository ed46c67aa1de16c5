"""People's notes on closed trades: a text and tags for each."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, ScalarSelect, select, update
from sqlmodel import col

from domain.errors import InputError
from storage.accounts import account_tables as tables
from storage.database import insert_missing
from storage.journal.cycle_rows import canonical_text

MAX_NOTE_LENGTH, MAX_TAGS, MAX_TAG_LENGTH = 4_000, 20, 40
"""Characters of a note, tags of a round trip, characters of a tag."""


def load_notes(
    connection: Connection, account: ScalarSelect[int]
) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return note and tags by round trip."""
    note_row = tables.TradeNoteRow
    query = select(col(note_row.trip), col(note_row.note), col(note_row.tags)).where(
        col(note_row.account) == account
    )
    return {
        trip: (json.loads(note), tuple(json.loads(tags)))
        for trip, note, tags in connection.execute(query)
    }


def save_note(
    connection: Connection, account: int, trip_id: str, note: str, tags: Sequence[str], at: datetime
) -> None:
    """Store a note and tags in place of what was there. Raises InputError for a note or tags that
    are too long."""
    key = {"account": account, "trip": trip_id}
    row = {
        "note": canonical_text(_valid_note(note)),
        "tags": canonical_text(_valid_tags(tags)),
        "updated_at": at,
    }
    insert_missing(connection, tables.TradeNoteRow, [{**key, **row}])
    connection.execute(update(tables.TradeNoteRow).filter_by(**key).values(row))


def _valid_note(note: str) -> str:
    if len(note) > MAX_NOTE_LENGTH:
        raise InputError(
            f"The note has {len(note):,} characters; {MAX_NOTE_LENGTH:,} are kept. Shorten it."
        )
    return note


def _valid_tags(tags: Sequence[str]) -> list[str]:
    unique = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(unique) > MAX_TAGS:
        raise InputError(f"{len(unique)} tags were given; a trade has up to {MAX_TAGS}.")
    for tag in unique:
        if len(tag) > MAX_TAG_LENGTH:
            raise InputError(f"The tag {tag[:60]!r} is longer than {MAX_TAG_LENGTH} characters.")
    return unique

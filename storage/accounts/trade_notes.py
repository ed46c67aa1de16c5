"""What people write beside their closed trades: a note and tags for each."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, ScalarSelect, select, update
from sqlmodel import col

from domain.errors import InputError
from storage.accounts import account_tables as tables
from storage.database import insert_missing
from storage.journal.cycle_rows import text

MOST_WORDS, MOST_TAGS, LONGEST_TAG = 4_000, 20, 40
"""Characters of a note, tags of a trip, characters of a tag."""


def notes(
    connection: Connection, account: ScalarSelect[int]
) -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Note and tags by trip."""
    beside = tables.TripNote
    query = select(col(beside.trip), col(beside.note), col(beside.tags)).where(
        col(beside.account) == account
    )
    return {
        trip: (json.loads(note), tuple(json.loads(tags)))
        for trip, note, tags in connection.execute(query)
    }


def put_note(
    connection: Connection, account: int, trip: str, note: str, tags: Sequence[str], at: datetime
) -> None:
    """In place of what was there. Raises InputError for too many words or tags."""
    key = {"account": account, "trip": trip}
    row = {"note": text(_note(note)), "tags": text(_tags(tags)), "updated_at": at}
    insert_missing(connection, tables.TripNote, [{**key, **row}])
    connection.execute(update(tables.TripNote).filter_by(**key).values(row))


def _note(note: str) -> str:
    if len(note) > MOST_WORDS:
        raise InputError(
            f"The note has {len(note):,} characters; {MOST_WORDS:,} are kept. Shorten it."
        )
    return note


def _tags(tags: Sequence[str]) -> list[str]:
    kept = list(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(kept) > MOST_TAGS:
        raise InputError(f"{len(kept)} tags were given; a trade has up to {MOST_TAGS}.")
    for tag in kept:
        if len(tag) > LONGEST_TAG:
            raise InputError(f"The tag {tag[:60]!r} is longer than {LONGEST_TAG} characters.")
    return kept

"""Follows the events of a running server and resumes where it stopped.

    python examples/follow_events.py [--url http://127.0.0.1:8765] [--cursor FILE] [--count N]

prints one JSON object an event. FILE keeps the id of the last event that was handled: the next
start continues after it, also when the server was restarted meanwhile. Without a file it starts
with what happens next. `--count` stops after so many events.

An event is handled first and its id is kept then. A program that is killed between the two gets
that event again, so store what you make of an event under its id.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

SILENCE_SECONDS = 20.0
"""The server writes something every five seconds; after a longer silence it is gone."""
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class StreamMessage:
    """One server-sent event. `id` is empty where there is nothing to resume from."""

    event: str
    id: str
    data: Any


def read_messages(lines: Iterable[bytes]) -> Iterator[StreamMessage]:
    """An empty line ends a message; `data` is one line of JSON; a line with ':' first is a
    comment."""
    fields: dict[str, str] = {}
    for line in lines:
        text = line.decode().rstrip("\r\n")
        if text:
            name, _, value = text.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            if "data" in fields:
                data = json.loads(fields["data"])
                yield StreamMessage(fields.get("event", ""), fields.get("id", ""), data)
            fields = {}


def connect(url: str, last_id: str) -> Iterator[StreamMessage]:
    """The messages after `last_id`, until the connection ends."""
    headers = {"Last-Event-ID": last_id} if last_id else {}
    request = Request(f"{url}/api/v1/events", headers=headers)
    with urlopen(request, timeout=SILENCE_SECONDS) as lines:
        yield from read_messages(lines)


def follow(url: str, last_id: str) -> Iterator[StreamMessage]:
    """Every event after `last_id` once and in order, for ever, and each `sys.reset`."""
    failures = 0
    while True:
        try:
            for message in connect(url, last_id):
                failures = 0
                if message.event == "sys.hello" and not last_id:
                    last_id = f"{message.data['epoch']}-{message.data['seq']}"
                if message.id:
                    yield message
                    last_id = message.id
        except HTTPError as refusal:
            if refusal.code < 500:  # asking again would be refused again
                raise SystemExit(refusal.read().decode()) from None
        except (OSError, HTTPException) as error:
            print(f"{error}; trying again.", file=sys.stderr)
        time.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
        failures += 1


def keep(cursor: Path | None, last_id: str) -> None:
    """Written whole or not at all: whoever is killed here leaves the former id or this one."""
    if cursor:
        draft = cursor.with_name(f"{cursor.name}.draft")
        draft.write_text(last_id)
        draft.replace(cursor)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--url", default="http://127.0.0.1:8765")
    parser.add_argument("--cursor", type=Path)
    parser.add_argument("--count", type=int, default=0)
    args = parser.parse_args()
    last_id = args.cursor.read_text().strip() if args.cursor and args.cursor.exists() else ""
    handled = 0
    for message in follow(args.url, last_id):
        if message.event == "sys.reset":
            # Another database, or a restored one: the kept id is none of its. Drop what was stored
            # under former ids, read the present from /api/v1, and go on from here.
            print(f"Starting again at {message.id}: {message.data['because']}.", file=sys.stderr)
        else:
            print(json.dumps({"id": message.id, **message.data}), flush=True)
            handled += 1
        keep(args.cursor, message.id)
        if handled == args.count > 0:
            break


if __name__ == "__main__":
    main()

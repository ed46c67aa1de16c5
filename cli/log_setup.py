"""What is noted beside the results: a line for people, the whole of it in the home's log."""

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

LARGEST = 5_000_000
"""Bytes of a log before the next is begun; the last two are kept."""


def keep(home: Path) -> None:
    """Warnings and errors go to standard error in a line each, without tracebacks, and with them
    to `logs/quorum.log` in the home. A log that cannot be written holds nothing up."""
    logging.raiseExceptions = False
    told = logging.StreamHandler(sys.stderr)
    told.setFormatter(_OneLine())
    folder = home / "logs"
    handlers: list[logging.Handler] = [told]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = RotatingFileHandler(
            folder / "quorum.log", maxBytes=LARGEST, backupCount=1, encoding="utf-8", delay=True
        )
    except OSError:
        pass  # the verb itself says what is wrong with the home
    else:
        kept.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handlers.append(kept)
    logging.basicConfig(level=logging.WARNING, handlers=handlers)


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        cause = record.exc_info[1] if record.exc_info else None
        message = " ".join(record.getMessage().split())
        return f"{message}: {type(cause).__name__}: {cause}" if cause else message

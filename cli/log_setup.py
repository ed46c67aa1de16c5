"""Logging of a command: one line for people, the full record in the home's log."""

import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_LOG_BYTES = 5_000_000
"""Bytes of a log file before the next begins; the last two are kept."""


def configure_logging(home: Path) -> None:
    """Send warnings and errors to standard error, one line each without tracebacks, and in full to
    `logs/quorum.log` in the home. A log that cannot be written does not stop the command."""
    logging.raiseExceptions = False
    stderr_handler = logging.StreamHandler(sys.stderr)
    stderr_handler.setFormatter(OneLineFormatter())
    folder = home / "logs"
    handlers: list[logging.Handler] = [stderr_handler]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file_handler = RotatingFileHandler(
            folder / "quorum.log",
            maxBytes=MAX_LOG_BYTES,
            backupCount=1,
            encoding="utf-8",
            delay=True,
        )
    except OSError:
        pass  # the command itself says what is wrong with the home
    else:
        file_handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
        handlers.append(file_handler)
    logging.basicConfig(level=logging.WARNING, handlers=handlers)


class OneLineFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        cause = record.exc_info[1] if record.exc_info else None
        message = " ".join(record.getMessage().split())
        return f"{message}: {type(cause).__name__}: {cause}" if cause else message

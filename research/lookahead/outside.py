"""What an agent touches besides its panel: files, connections, programs and clocks.

Watches the process it runs in. Inside `refusing`, files, connections and programs are refused and
named, also where the agent catches the refusal, and clocks are named; outside it, files are named.
Left out: what compiled code does by itself, such as `np.datetime64("now")`, a clock that `map`
calls or a library's own `fopen`, and files that were opened before and stay open.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

_CLOCKS = {
    time.time, time.time_ns, time.clock_gettime, time.clock_gettime_ns,
    time.localtime, time.gmtime, time.ctime,
}  # fmt: skip
_NOW = {"now", "utcnow", "today"}
_LISTING = {"os.listdir", "os.scandir"}
_REACHING_OUT = {
    "sqlite3.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn",
    "os.fork", "os.forkpty", "ctypes.dlopen",
}  # fmt: skip
_CONNECTING = ("socket.", "urllib.", "http.")
_CODE_LOADERS = {"importlib", "zipimport", "numba", "tokenize", "linecache"}
_CODE_SUFFIXES = (".py", ".pyc", ".so", ".pyd", ".nbi", ".nbc")
_PACKAGE_METADATA = (".dist-info", ".egg-info")


class OutsideAccessError(PermissionError):
    """An agent reached for something outside its panel while it voted."""


class OutsideWatch:
    """Notes what this process touches from now on. It cannot be removed: audit hooks stay."""

    def __init__(self) -> None:
        self._opened: dict[str, None] = {}
        self._touched: dict[str, None] = {}
        self._refusing = False
        sys.addaudithook(self._on_event)

    @property
    def opened(self) -> tuple[str, ...]:
        """Files other than code that were opened, in order, while nothing was refused."""
        return tuple(self._opened)

    @property
    def touched(self) -> tuple[str, ...]:
        """What was reached for inside `refusing`, in words, in order."""
        return tuple(self._touched)

    def forget(self) -> None:
        """Forget what was opened so far."""
        self._opened.clear()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Raise OutsideAccessError where the block opens a file or connection or starts a program;
        note where it reads a clock."""
        threading.setprofile(self._on_call)
        sys.setprofile(self._on_call)
        self._refusing = True
        try:
            yield
        finally:
            self._refusing = False
            sys.setprofile(None)
            threading.setprofile(None)

    def _on_event(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            self._on_open(args[0], sys._getframe(1))
        elif self._refusing and _reaches_out(event):
            named = next((str(arg)[:100] for arg in args if isinstance(arg, str | tuple)), "")
            self._refuse(f"{event} {named}".rstrip())

    def _on_open(self, path: Any, frame: FrameType) -> None:
        if isinstance(path, int):
            return  # a descriptor is open already
        name = os.fsdecode(path)
        if _loads_code(frame) and any(suffix in Path(name).name for suffix in _CODE_SUFFIXES):
            return
        if self._refusing:
            self._refuse(f"the file {name}")
        elif _holds_data(Path(name)):
            self._opened[str(Path(name).absolute())] = None

    def _on_call(self, frame: FrameType, event: str, function: Any) -> None:
        if event != "c_call" or not self._refusing or not _is_clock(function):
            return
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] != "logging":  # a log's own stamp is no input
            self._touched[f"the clock ({function.__qualname__} in {module}:{frame.f_lineno})"] = (
                None
            )

    def _refuse(self, what: str) -> None:
        self._touched[what] = None
        raise OutsideAccessError(f"A vote is a function of its panel, but it reached for {what}.")


def _reaches_out(event: str) -> bool:
    if event in _LISTING:
        return not _loads_code(sys._getframe(2))
    if event == "sys.setprofile":  # a new thread hands the watch on
        return sys._getframe(2).f_globals.get("__name__") != "threading"
    return event in _REACHING_OUT or event.startswith(_CONNECTING)


def _holds_data(path: Path) -> bool:
    """Whether `path` is a file other than those that say which packages are installed."""
    about_packages = any(part.endswith(_PACKAGE_METADATA) for part in path.parts)
    return not about_packages and not path.is_relative_to("/proc") and path.is_file()


def _loads_code(frame: FrameType) -> bool:
    """Whether Python's import system, or the compiler's cache, is at work in `frame`."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _CODE_LOADERS


def _is_clock(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, date):
        return function.__name__ in _NOW
    try:
        return function in _CLOCKS
    except TypeError:  # what cannot be hashed is no clock
        return False

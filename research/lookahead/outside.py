"""What an agent touches besides its panel: files, connections, programs and clocks.

Watches the process it runs in. Inside `refusing`, files, connections and programs are refused and
named, also where the agent catches the refusal; clocks and looks at the file system are named, and
so is that compiled code has read a file. Outside it, files are named. Left out: what compiled code
does by itself otherwise, such as `np.datetime64("now")`, a clock that `map` calls or a file mapped
into memory, and files that were opened before and stay open.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache, wraps
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

_CLOCKS = {
    time.time, time.time_ns, time.clock_gettime, time.clock_gettime_ns,
    time.monotonic, time.monotonic_ns, time.perf_counter, time.perf_counter_ns,
    time.process_time, time.process_time_ns, time.thread_time, time.thread_time_ns,
}  # fmt: skip
_CLOCKS_IF_NOT_ASKED_ABOUT = ("localtime", "gmtime", "ctime", "asctime")
"""Functions of `time` that convert an instant, and read the clock without one."""
_WAITING = {"logging", "threading", "queue", "selectors", "concurrent", "multiprocessing"}
"""Modules that read clocks to stamp a record or to wait, which is no input."""
_FILE_SYSTEM = {os.stat, os.lstat, os.access, os.readlink, os.statvfs}
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


_READINGS = count()
"""How often the counters themselves were read."""


class OutsideAccessError(PermissionError):
    """An agent reached for something outside its panel while it voted."""


class OutsideWatch:
    """Notes what this process touches from now on. It cannot be removed: audit hooks stay."""

    def __init__(self) -> None:
        self._opened: dict[str, None] = {}
        self._touched: dict[str, None] = {}
        self._refusing = False
        self._has_loaded_code = False
        for name in _CLOCKS_IF_NOT_ASKED_ABOUT:
            setattr(time, name, self._note_without_instant(getattr(time, name)))
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
        note where it reads a clock, looks at the file system or has a file read by compiled code.
        """
        self._has_loaded_code = False
        reads = _count_reads()
        threading.setprofile(self._on_call)
        sys.setprofile(self._on_call)
        self._refusing = True
        try:
            yield
        finally:
            self._refusing = False
            sys.setprofile(None)
            threading.setprofile(None)
            if _count_reads() > reads and not self._has_loaded_code:
                self._touched["a file, read by compiled code"] = None

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
            self._has_loaded_code = True
            return
        if self._refusing:
            self._refuse(f"the file {name}")
        elif _holds_data(Path(name)):
            self._opened[str(Path(name).absolute())] = None

    def _on_call(self, frame: FrameType, event: str, function: Any) -> None:
        if event != "c_call" or not self._refusing:
            return
        if _is_clock(function) and _module_of(frame) not in _WAITING:
            self._note("the clock", function, frame)
        elif _is_in(function, _FILE_SYSTEM) and not _loads_code(frame.f_back or frame):
            self._note("the file system", function, frame)

    def _note_without_instant(self, clock: Callable[..., Any]) -> Callable[..., Any]:
        """Return `clock`, which is noted where it is asked for the present."""

        @wraps(clock)
        def noted(*instant: Any) -> Any:
            frame = sys._getframe(1)
            asks_for_now = all(each is None for each in instant)
            if self._refusing and asks_for_now and _module_of(frame) not in _WAITING:
                self._note("the clock", clock, frame)
            return clock(*instant)

        return noted

    def _note(self, what: str, function: Any, frame: FrameType) -> None:
        module = frame.f_globals.get("__name__", "")
        self._touched[f"{what} ({function.__qualname__} in {module}:{frame.f_lineno})"] = None

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
    return _module_of(frame) in _CODE_LOADERS


def _module_of(frame: FrameType) -> str:
    """Return the first part of the name of the module that runs in `frame`."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _is_clock(function: Any) -> bool:
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, date):
        return function.__name__ in _NOW
    return _is_in(function, _CLOCKS)


def _is_in(function: Any, functions: Collection[Any]) -> bool:
    try:
        return function in functions
    except TypeError:  # what cannot be hashed is none of them
        return False


def _count_reads() -> int:
    """Return how often this process has read from files or pipes, 0 where the system does not say;
    this reading is not counted."""
    try:
        counters = os.pread(_own_counters(), 512, 0).split()
    except OSError:
        return 0
    return int(counters[counters.index(b"syscr:") + 1]) - next(_READINGS)


@cache
def _own_counters() -> int:
    return os.open("/proc/self/io", os.O_RDONLY)

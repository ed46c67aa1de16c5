"""Opens a file that may hold a table: CSV or Parquet, plain, zipped or gzipped, in UTF-8 or UTF-16.

Leaves out where in a text the table begins (`text_tables.py`) and what its columns mean.
"""

import gzip
import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as parquet

from domain.errors import InputError
from market.imports.schema_detection import detect_schema, text_columns
from market.imports.text_tables import find_layout, read_text
from market.imports.wide_tables import stack_symbols, symbols_in_names

SUFFIXES = (".csv", ".tsv", ".parquet", ".csv.gz", ".tsv.gz", ".zip")
"""Files that are looked for in a folder; one that is named itself may also end in .txt or .gz."""
NAMED_SUFFIXES = (*SUFFIXES, ".txt", ".gz")
MAX_BYTES = 1 << 30
"""Largest file, unpacked."""
MAX_ROWS = 50_000_000
"""Most rows of a Parquet file, which may be far larger than its bytes."""
_FORMATS = "a CSV or Parquet file, plain, zipped or gzipped"


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """A file's table: `stem` is its name without endings, `malformed` describes the lines of
    another width."""

    frame: pd.DataFrame
    malformed: tuple[str, ...]
    stem: str


def is_table_file(path: Path) -> bool:
    """Return whether a file in a folder is taken for a table, by its name."""
    return path.name.lower().endswith(SUFFIXES)


def read_raw_table(path: Path) -> RawTable:
    """Read all of a file's table. Raises InputError, with the remedy, where it holds none."""
    try:
        if not path.exists():
            raise InputError(f"{path} is not there. Give {_FORMATS}, or a folder.")
        if not path.is_file():
            raise InputError(f"{path} is no regular file. Give {_FORMATS}, or a folder.")
        if not path.name.lower().endswith(NAMED_SUFFIXES):
            raise InputError(f"{path} is not named as a table is: {', '.join(NAMED_SUFFIXES)}.")
        name, content = _unpack(path)
        if name.lower().endswith(".parquet"):
            return RawTable(_read_parquet(content, path), (), _stem(name))
        text = _decode(content)
        layout = find_layout(text)
        frame, malformed = read_text(text, layout, text_columns(layout.columns))
        if layout.symbols:
            frame = stack_symbols(frame, layout.columns, layout.symbols)
        elif names := _symbol_columns(layout.columns):
            frame = stack_symbols(frame, *names)
        return RawTable(frame, tuple(malformed), _stem(name))
    except (
        pa.ArrowException, OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error,
        NotImplementedError, RuntimeError,
    ) as error:  # fmt: skip
        raise _unreadable_error(path, error) from error


def _unpack(path: Path) -> tuple[str, bytes]:
    """Return the name and content of the one table file that `path` is or holds."""
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            members = [each for each in members if not each.filename.startswith("__MACOSX")]
            tables = [each for each in members if is_table_file(Path(each.filename))]
            members = tables if len(tables) == 1 else members
            if len(members) != 1:
                names = ", ".join(each.filename for each in members[:4])
                raise InputError(
                    f"{path} holds {len(members)} files ({names}). Unpack it and import the folder."
                )
            with archive.open(members[0]) as member:
                return Path(members[0].filename).name, _bounded(member.read(MAX_BYTES + 1), path)
    if start.startswith(b"\x1f\x8b"):
        with gzip.open(path) as unpacked:
            name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
            return name, _bounded(unpacked.read(MAX_BYTES + 1), path)
    with path.open("rb") as file:
        return path.name, _bounded(file.read(MAX_BYTES + 1), path)


def _bounded(content: bytes, path: Path) -> bytes:
    if len(content) > MAX_BYTES:
        raise InputError(f"{path} is larger than {MAX_BYTES >> 20} MB unpacked. Split it.")
    return content


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16")
    elif content[:2].count(0) == 1:  # the first character is ASCII, and no mark is before it
        text = content.decode("utf-16-be" if content[0] == 0 else "utf-16-le")
    else:
        text = content.decode("utf-8-sig")
    if "\x00" in text:
        raise ValueError("it holds zero bytes")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_parquet(content: bytes, path: Path) -> pd.DataFrame:
    """Return the recognised columns of a Parquet file, or none of them where it is no table."""
    file = parquet.ParquetFile(io.BytesIO(content))
    if file.metadata.num_rows > MAX_ROWS:
        raise InputError(f"{path} has more than {MAX_ROWS:,} rows. Split it.")
    columns = [str(name) for name in file.schema_arrow.names]
    names = _symbol_columns(columns)
    recognised = None if names else detect_schema(columns)
    if recognised is None and names is None:
        return pd.DataFrame(columns=columns)
    wanted = columns if recognised is None else list(dict.fromkeys(recognised[1].values()))
    table = file.read(columns=wanted, use_pandas_metadata=False)
    table.validate(full=True)  # Parquet may declare invalid UTF-8 as text
    frame: pd.DataFrame = table.to_pandas(date_as_object=False, ignore_metadata=True)
    return stack_symbols(frame, *names) if names else frame


def _symbol_columns(columns: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Return what `symbols_in_names` does of a table that is of no kind as it is."""
    return None if detect_schema(columns) else symbols_in_names(columns)


def _stem(name: str) -> str:
    for suffix in sorted(NAMED_SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _unreadable_error(path: Path, error: Exception) -> InputError:
    reason = str(error).splitlines()[0][:200].rstrip(".") if str(error) else type(error).__name__
    return InputError(
        f"{path} cannot be read as a table: {reason}. It may be cut off or of another format;"
        " export it again as UTF-8 CSV or as Parquet."
    )

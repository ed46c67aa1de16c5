"""The bars of a training run, kept beside it, so that a run that is gone on with learns from the
very same ones: the home's history has grown by then, and its prices may have been adjusted anew.

Numbers and names only; nothing that is read can run. Leaves out where bars come from.
"""

from dataclasses import fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from domain.errors import CorruptFileError, NotFoundError, StorageError
from domain.panel import BarMatrix
from envs.market_data import MarketHistory

BAR_ARRAYS = tuple(each.name for each in fields(BarMatrix)[1:])


def save_bars(path: Path, history: MarketHistory) -> None:
    """Write `history` whole or not at all. Raises StorageError where there is no room."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        with temporary.open("wb") as file:
            np.savez(
                file,
                name=np.array(history.name),
                simulated=np.array(history.simulated),
                symbols=np.array(history.symbols),
                digest=np.array(history.digest),
                observation=history.observation,
                **{name: getattr(history.bar_matrix, name) for name in BAR_ARRAYS},
            )
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(
            f"The bars of the run cannot be kept in {path}: {error.strerror}. Make room there."
        ) from error


def load_bars(path: Path) -> MarketHistory:
    """What `save_bars` wrote.

    Raises NotFoundError where nothing is kept and CorruptFileError for a damaged file.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return MarketHistory(
                name=str(stored["name"]),
                simulated=bool(stored["simulated"]),
                bar_matrix=BarMatrix(
                    tuple(map(str, stored["symbols"])),
                    **{name: stored[name] for name in BAR_ARRAYS},
                ),
                observation=stored["observation"],
                digest=str(stored["digest"]),
            )
    except FileNotFoundError:
        raise NotFoundError(f"The bars of this run are not kept: there is no {path}.") from None
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise CorruptFileError(
            f"The bars in {path} cannot be read ({error!r}). Start the run anew."
        ) from error

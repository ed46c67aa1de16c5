"""Adds models to a folder until it is killed, printing each id once it is stored."""

import itertools
import sys
from pathlib import Path

from storage.models.model_files import ModelFiles

SIZE = 300_000


def model(number: int) -> tuple[bytes, bytes]:
    """Tensors and a manifest, of that number alone."""
    return f"{number:08}".encode() * (SIZE // 8), f'{{"number": {number}}}'.encode() * 1000


def main() -> None:
    folder, first = Path(sys.argv[1]), int(sys.argv[2])
    for number in itertools.count(first):
        print(ModelFiles(folder).add(*model(number)), flush=True)


if __name__ == "__main__":
    main()

"""`python -m benchmarks NAME [--json] [KEY=VALUE ...]`: runs one measurement and prints it."""

import argparse
import importlib
import json
import platform
import sys
from pathlib import Path
from typing import Any

FOLDERS = ("history", "learning", "service")
MODULES = {
    path.stem: f"benchmarks.{folder}.{path.stem}"
    for folder in FOLDERS
    for path in (Path(__file__).parent / folder).glob("[a-z]*.py")
}
"""Every measurement by name."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=sorted(MODULES))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("option", nargs="*", help="KEY=VALUE, handed to the measurement")
    arguments = parser.parse_intermixed_args()
    options = dict(pair.split("=", 1) for pair in arguments.option)
    measured = importlib.import_module(MODULES[arguments.name]).run(**options)
    if arguments.json:
        sys.stdout.write(json.dumps({"benchmark": arguments.name, **machine(), **measured}) + "\n")
        return
    for key, value in measured.items():
        sys.stdout.write(f"{key:40} {value}\n")


def machine() -> dict[str, Any]:
    """Describe the machine: every figure depends on it."""
    return {"python": platform.python_version(), "machine": platform.machine()}


if __name__ == "__main__":
    main()

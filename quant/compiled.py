"""Loops compiled by numba, once per machine: the compiled code is cached beside the source."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """`function` as machine code, strict IEEE arithmetic in the order written (no fastmath)."""
    return cast(Function, numba.njit(cache=True)(function))

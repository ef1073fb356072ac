"""Functions that the SDK has made, with other variables in their closures.

The SDK offers no way to ask a tool for the function that is behind it, or for the arguments that
it was made with; a copy of its function with few variables changed keeps all the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import CellType, FunctionType
from typing import Any


def variables(function: FunctionType) -> dict[str, Any]:
    """What a function sees in its closure, by name."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells}


def rebound(function: FunctionType, replaced: Mapping[str, Any]) -> FunctionType:
    """A copy of a function that sees other values under these names."""
    cells = [
        CellType(replaced[name]) if name in replaced else cell
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        )
    ]
    code, names = function.__code__, function.__globals__
    made = FunctionType(code, names, function.__name__, function.__defaults__, tuple(cells))
    made.__dict__.update(function.__dict__)
    return made

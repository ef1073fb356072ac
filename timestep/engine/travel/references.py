"""The import path of an object: the module and the name under which another process finds it."""

from __future__ import annotations

import functools
import inspect
import operator
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from timestep.engine.travel.allowed import is_sdk
from timestep.engine.travel.wrapped import function_inside, home_of

MAIN = "__main__"
MISSING = object()


def reference_to(value: object) -> dict[str, Any] | None:
    """How a spec refers to an object, or None if no module has it.

    A function that its decorator replaced by a tool or guardrail is found inside of that.
    """
    path = import_path(value)
    if path is not None:
        return {"ref": path}
    home, name = home_of(value), getattr(value, "__qualname__", "")
    around = lookup(sys.modules.get(home), name) if name else MISSING
    if around is not MISSING and function_inside(around) is value:
        return {"ref": f"{home}:{name}", "inside": True}
    return None


def import_path(value: object, *, at_home: bool = False) -> str | None:
    """`module:name` of this very object, or None.

    Args:
        value: What is looked for.
        at_home: Look only into the module in which it was written, which is quick.
    """
    home = home_of(value)
    module = sys.modules.get(home)
    for name in _own_names(value):
        if lookup(module, name) is value:
            return f"{home}:{name}"
    for holder in (module, *(() if at_home else _others(home))):
        if holder is not None and (bound := _name_in(holder, value)):
            return f"{holder.__name__}:{bound}"
    return None


def lookup(module: ModuleType | None, path: str) -> Any:
    """What a module has under a name; only classes are looked into. `MISSING` if nothing."""
    found: Any = module
    for depth, name in enumerate(path.split(".")):
        if found is None or not name.isidentifier() or name.startswith("__"):
            return MISSING
        if depth and not inspect.isclass(found):
            return MISSING
        found = vars(found).get(name, MISSING)
        if isinstance(found, staticmethod):
            found = found.__func__
    return found


def why_unknown(value: object) -> str:
    """What keeps an object from having an import path, in words."""
    if isinstance(value, functools.partial):
        return "is a functools.partial"
    if inspect.ismethod(value):
        return "is a method bound to an object of this process"
    inside = function_inside(value)
    name = getattr(inside, "__qualname__", "")
    if name.endswith("<lambda>"):
        return "is a lambda"
    if "<locals>" in name:
        return f"is made inside of a function ({name.partition('.<locals>')[0]})"
    if inspect.isroutine(inside) or inspect.isclass(inside):
        return f"is not what {home_of(value)} has under the name {name}"
    return f"is a live {type(value).__name__} object"


def _own_names(value: object) -> list[str]:
    """The names that an object says it has, if it could be looked up by them."""
    if isinstance(value, functools.partial) or inspect.ismethod(value):
        return []
    inside = function_inside(value)
    names = [getattr(inside, "__qualname__", ""), getattr(value, "name", "")]
    return [name for name in names if isinstance(name, str) and name and "<" not in name]


def _others(home: str) -> Iterator[ModuleType]:
    """All modules in which somebody may have bound an object: the script's own last."""
    for name in _candidates(tuple(sys.modules)):
        module = sys.modules.get(name)
        if name != home and isinstance(module, ModuleType):
            yield module


@functools.lru_cache(maxsize=1)
def _candidates(modules: tuple[str, ...]) -> list[str]:
    own = [
        name
        for name in sorted(modules)
        if name.partition(".")[0] not in sys.stdlib_module_names and not is_sdk(name)
    ]
    return [*(name for name in own if name != MAIN), MAIN]


def _name_in(module: ModuleType, value: object) -> str | None:
    """The first public name that a module has bound to this very object."""
    if isinstance(value, functools.partial) or inspect.ismethod(value):
        return None
    held = vars(module)
    # Looked through without a step of Python for each name: there are a hundred thousand.
    if not any(map(functools.partial(operator.is_, value), tuple(held.values()))):
        return None
    for name, bound in list(held.items()):
        if bound is value and name.isidentifier() and not name.startswith("__"):
            return name
    return None

"""Reading a spec that anybody may have written: each value checked before it is used."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NoReturn, TypeVar

from agents import Agent

from timestep.engine.travel import allowed
from timestep.engine.travel.references import MAIN, MISSING, lookup
from timestep.engine.travel.registered import entry_named
from timestep.engine.travel.wrapped import function_inside, home_of
from timestep.errors import SpecNotBuildable
from timestep.scripts import own_home

Check = Callable[[Any], bool]
T = TypeVar("T")
MAX_PATH = 300


def refuse(path: str, why: str) -> NoReturn:
    """Say what of a spec cannot be built here.

    Raises:
        SpecNotBuildable: Always.
    """
    raise SpecNotBuildable(f"{path} {why}")


def entry(part: Any, key: str, kind: type | tuple[type, ...], path: str) -> Any:
    """A value of a JSON object, of the type that belongs there.

    Raises:
        SpecNotBuildable: It is none, has no such key, or another type under it.
    """
    if not isinstance(part, Mapping) or key not in part:
        refuse(path, f"lacks {key!r}: this is no spec that describe() wrote")
    value = part[key]
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        refuse(f"{path}.{key}", f"is {value!r:.60}, of the wrong type")
    return value


def made_by(make: Callable[[], T], path: str, *, secret: bool = False) -> T:
    """What a constructor of the SDK makes; its errors, of many kinds, as one.

    Args:
        make: Calls the constructor.
        path: Where in the spec its arguments stand.
        secret: Whether its errors may quote secrets.

    Raises:
        SpecNotBuildable: The constructor refused its arguments.
    """
    try:
        return make()
    except SpecNotBuildable:
        raise
    except Exception as error:
        text = type(error).__name__ if secret else " ".join(f"{error}".split())[:300]
        raise SpecNotBuildable(f"{path} cannot be made: {text}") from error


def is_function(value: object) -> bool:
    """Whether a value can be called and is no class."""
    return callable(value) and not inspect.isclass(value)


def open_module(name: str, path: str, wanted: str) -> ModuleType:
    """Import the module of a reference, if specs may name it.

    Args:
        name: The module.
        path: Where in the spec it stands.
        wanted: What the reference is about, in the module.

    Raises:
        SpecNotBuildable: It is not allowed, or does not import.
    """
    if len(name) > MAX_PATH or not all(part.isidentifier() for part in name.split(".")):
        refuse(path, f"names {name!r:.60}, which is no module")
    if allowed.is_sdk(name):
        if not allowed.sdk_offers(name, wanted):
            refuse(path, f"names {name}:{wanted:.60}, which specs may not name")
    elif not allowed.may_import(name):
        refuse(
            path,
            f"names code in {name}, which this process may not import; "
            "name the module in TIMESTEP_CODE and start again",
        )
    # One that is being imported is taken as it is: waiting for it would wait for ever where the
    # module itself, at its top level, waits for the run.
    return sys.modules.get(name) or _imported(name, path)


# When and why modules did not import: asked every second, they must not be run every second.
_failed: dict[str, tuple[float, str]] = {}
_TRY_AGAIN_SECONDS = 10.0


def _imported(name: str, path: str) -> ModuleType:
    at, text = _failed.get(name, (-_TRY_AGAIN_SECONDS, ""))
    if time.monotonic() - at < _TRY_AGAIN_SECONDS:
        refuse(path, f"needs {name}, which does not import here: {text}")
    try:
        return importlib.import_module(name)
    except Exception as error:  # Foreign code may raise anything when it is imported.
        text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        _failed[name] = (time.monotonic(), text)
        raise SpecNotBuildable(
            f"{path} needs {name}, which does not import here: {text}"
        ) from error


class Builder:
    """One spec being built."""

    def __init__(self, script: str | None = None) -> None:
        self.script = script
        self.agents: dict[str, Agent[Any]] = {}

    def agent(self, part: Any, path: str) -> Agent[Any]:
        """The agent that a part names by its key."""
        key = entry(part, "agent", str, path)
        if key not in self.agents:
            refuse(path, f"names an agent {key!r:.60} that the spec does not hold")
        return self.agents[key]

    def code(self, part: Any, path: str, kind: str, check: Check) -> Any:
        """The part of the program that a reference leads to, if it is of the right kind.

        Raises:
            SpecNotBuildable: It is not here, not allowed, or something else.
        """
        if isinstance(part, Mapping) and "registered" in part:
            found = _registered(part, path, kind)
        else:
            found = self._imported(part, path)
        if not check(found):
            refuse(path, f"refers to {found!r:.80}, which is no {kind}")
        return found

    def _imported(self, part: Any, path: str) -> Any:
        reference = entry(part, "ref", str, path)
        module, _, name = reference.partition(":")
        found = lookup(self._module(module, name, path), name)
        if found is MISSING:
            refuse(path, f"needs {reference:.{MAX_PATH}}, which is not there")
        if isinstance(part, Mapping) and part.get("inside") is True:
            found = function_inside(found)
        _check_origin(module, found, path, reference)
        return found

    def _module(self, module: str, name: str, path: str) -> ModuleType:
        if module == MAIN:
            if self.script is None or self.script != own_home():
                refuse(path, f"lives in the script {self.script}; run that script again")
            return sys.modules[MAIN]
        return open_module(module, path, name)


def _registered(part: Any, path: str, kind: str) -> Any:
    name = entry(part, "registered", str, path)
    found = entry_named(kind, name)
    if found is None:
        refuse(path, f"needs the {kind} {name!r:.80}, which no register_{kind}() gave this process")
    if found.digest != entry(part, "digest", str, path):
        refuse(path, f"needs the {kind} {name!r:.80} as it was: another is registered by now")
    return found.value


def _check_origin(module: str, found: Any, path: str, reference: str) -> None:
    """A module offers what was written or made in it, not all that it imported from elsewhere."""
    if function_inside(found) is not found:
        return  # a tool or guardrail, which nobody has by accident
    origin, name = home_of(found), getattr(found, "__qualname__", "")
    if origin == module or "<locals>" in name or allowed.may_import(origin):
        return
    # Of the SDK: objects made here, and the few classes and functions that specs may name.
    if allowed.is_sdk(origin) and (not name or allowed.sdk_offers(origin, name)):
        return
    refuse(path, f"names {reference:.{MAX_PATH}}, which comes from {origin}: that is not allowed")


def variable(part: Any, path: str) -> str:
    """The value of the environment variable that a part names.

    Raises:
        SpecNotBuildable: This process has no such variable.
    """
    name, scheme = entry(part, "env", str, path), entry(part, "scheme", str, path)
    if name not in os.environ:
        refuse(path, f"needs the environment variable {name:.100}, which is not set here")
    return f"{scheme}{os.environ[name]}"

"""Context objects: plain values, and instances of dataclasses and pydantic models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from timestep.engine.travel import allowed
from timestep.engine.travel.builder import Builder, refuse
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.problems import CannotTravel, raise_all
from timestep.engine.travel.values import Values
from timestep.engine.travel.values import build_value as build_part
from timestep.errors import SpecNotBuildable
from timestep.scripts import own_home


def describe_value(value: object, where: str, *, session: bool = False) -> dict[str, Any]:
    """A value as JSON from which `build_value()` makes an equal one, here or elsewhere.

    Args:
        value: Numbers, texts, lists and dictionaries; instances of dataclasses and pydantic
            models whose classes have an import path.
        where: What people call it: `context`.
        session: Whether its classes may live in this very process, where that has no file.

    Raises:
        CannotTravel: Something in it exists in this process alone.
    """
    describer = Describer(session=session)
    try:
        part = Values(describer).part(value, where)
        raise_all(describer.problems)
        written = json.dumps(part, allow_nan=False)
    except RecursionError:
        raise CannotTravel(where, "is nested too deeply", "make it flatter") from None
    allowed.remember(describer.modules, ())
    return {"value": json.loads(written), "script": describer.script}


def build_value(described: Mapping[str, Any]) -> Any:
    """The value that `describe_value()` described.

    Raises:
        SpecNotBuildable: A class of it is not here, not allowed here, or changed since.
    """
    try:
        script = described["script"]
        if script is not None and script != own_home():
            refuse("the context", f"lives in the script {script}; run that script again")
        return build_part(Builder(script), described["value"], "the context")
    except SpecNotBuildable:
        raise
    except Exception as error:  # Whatever a hostile value leads to, nobody is to see a traceback.
        raise SpecNotBuildable(f"the context cannot be read: {type(error).__name__}") from error

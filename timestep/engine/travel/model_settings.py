"""Settings of the model, whole: every field that is set."""

from __future__ import annotations

import dataclasses
from typing import Any

from agents import ModelSettings
from pydantic import TypeAdapter, ValidationError

from timestep.engine.travel.builder import Builder, refuse
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.values import Values, build_value, secret_map

FIELDS = tuple(field.name for field in dataclasses.fields(ModelSettings))
_READER = TypeAdapter(ModelSettings)


def describe_settings(describer: Describer, settings: ModelSettings, path: str) -> Any:
    """All fields that are not None; headers by the names of environment variables."""
    if type(settings) is not ModelSettings:
        return describer.problem(
            path, f"are of the class {type(settings).__name__}", "use ModelSettings itself"
        )
    values = Values(describer, guarded=True)
    found = {name: getattr(settings, name) for name in FIELDS}
    headers = found.pop("extra_headers")
    part = {
        name: values.part(value, f"{path}.{name}")
        for name, value in found.items()
        if value is not None
    }
    if headers is not None:
        part["extra_headers"] = secret_map(describer, headers, f"{path}.extra_headers")
    return part


def build_settings(builder: Builder, part: Any, path: str) -> ModelSettings:
    """The settings that a part describes.

    Raises:
        SpecNotBuildable: A field is unknown here, or its value is refused.
    """
    if not isinstance(part, dict) or not part.keys() <= set(FIELDS):
        refuse(path, "are no model settings that this version of the SDK knows")
    found = {name: build_value(builder, part[name], f"{path}.{name}") for name in part}
    try:
        return _READER.validate_python(found)
    except ValidationError as error:
        first = error.errors()[0]
        return refuse(path, f"are refused: {first['loc']!s:.100}: {first['msg']:.200}")

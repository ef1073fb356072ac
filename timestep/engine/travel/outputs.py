"""Output types: a type, or the SDK's schema of one, pinned to the JSON schema that models get."""

from __future__ import annotations

from typing import Any

from agents import AgentOutputSchema, AgentOutputSchemaBase
from agents.exceptions import UserError
from pydantic.errors import PydanticUserError

from timestep.digests import digest
from timestep.engine.travel.builder import Builder, entry, refuse
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.type_forms import build_type, describe_type

REFUSALS = (UserError, PydanticUserError, TypeError, ValueError)


def describe_output(describer: Describer, output: Any, path: str) -> Any:
    """An output type; a schema of a class of its own goes by import path."""
    if output is None:
        return None
    if type(output) is AgentOutputSchema:
        strict = output.is_strict_json_schema()
        form = describe_type(describer, output.output_type, path)
        return {"type": form, "strict": strict, "digest": _digest(output)}
    if isinstance(output, AgentOutputSchemaBase):
        return {"code": describer.code(output, path, "object"), "digest": _digest(output)}
    return {"type": describe_type(describer, output, path), "digest": _digest(_schema(output))}


def build_output(builder: Builder, part: Any, path: str) -> Any:
    """What a part describes, if its schema is what it was when the spec was written.

    Raises:
        SpecNotBuildable: It is not here, not allowed, or changed since.
    """
    if part is None:
        return None
    made = _built(builder, part, path)
    schema = made if isinstance(made, AgentOutputSchemaBase) else _schema(made)
    if entry(part, "digest", (str, type(None)), path) != _digest(schema):
        refuse(path, "has another schema than when the run was launched; launch again")
    return made


def _built(builder: Builder, part: Any, path: str) -> Any:
    if "code" in part:
        return builder.code(entry(part, "code", dict, path), path, "output schema", _is_schema)
    output = build_type(builder, entry(part, "type", dict, path), path)
    if "strict" not in part:
        return output
    try:
        return AgentOutputSchema(output, strict_json_schema=entry(part, "strict", bool, path))
    except REFUSALS as error:
        return refuse(path, f"has no schema: {error!s:.300}")


def _is_schema(value: Any) -> bool:
    return isinstance(value, AgentOutputSchemaBase)


def _schema(output: Any) -> AgentOutputSchema | None:
    """The schema that the SDK makes of a type; None where it refuses, as the run will say."""
    try:
        return AgentOutputSchema(output, strict_json_schema=True)
    except REFUSALS:
        return None


def _digest(schema: AgentOutputSchemaBase | None) -> str | None:
    if schema is None or schema.is_plain_text():
        return None
    return digest(schema.json_schema())

"""Types as JSON: output types, inputs of handoffs, parameters of agents as tools."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

from timestep.engine.travel.builder import Builder, entry, refuse
from timestep.engine.travel.describer import Describer

NAMED: dict[str, Any] = {
    made.__name__: made
    for made in (
        *(str, int, float, bool, bytes, list, dict, tuple, set, frozenset, object),
        *(date, datetime, time, timedelta, Decimal, UUID),
        *(Iterable, Mapping, Sequence),
    )
} | {"None": None, "Any": Any, "...": ...}


def describe_type(describer: Describer, value: Any, path: str) -> Any:
    """A type as JSON; what cannot be is noted as a problem."""
    if value is type(None):
        value = None
    for name, known in NAMED.items():
        if value is known:
            return {"named": name}
    origin, arguments = get_origin(value), get_args(value)
    if origin is Literal:
        return _literal(describer, arguments, path)
    if origin in (Union, types.UnionType):
        return {"union": [describe_type(describer, item, path) for item in arguments]}
    if inspect.isclass(origin) and arguments:
        return _generic(describer, origin, arguments, path)
    if inspect.isclass(value):
        return _class(describer, value, path)
    return describer.problem(path, f"has the type {value!r:.80}", "use a class, or its like")


def _literal(describer: Describer, arguments: tuple[Any, ...], path: str) -> Any:
    if all(item is None or isinstance(item, str | int | bool) for item in arguments):
        return {"literal": list(arguments)}
    return describer.problem(path, "has a Literal of something else than texts", "use texts")


def _generic(describer: Describer, origin: Any, arguments: Any, path: str) -> Any:
    forms = [describe_type(describer, item, path) for item in arguments]
    return {"generic": describe_type(describer, origin, path), "arguments": forms}


def _class(describer: Describer, value: Any, path: str) -> Any:
    made = getattr(value, "__pydantic_generic_metadata__", None) or {}
    if made.get("origin") is not None:
        return _generic(describer, made["origin"], made["args"], path)
    return describer.code(value, path, "type")


def build_type(builder: Builder, form: Any, path: str) -> Any:
    """The type that a form describes.

    Raises:
        SpecNotBuildable: It is not here, not allowed, or no type.
    """
    if not isinstance(form, Mapping):
        refuse(path, f"is {form!r:.60}, which is no type")
    try:
        if "named" in form:
            return NAMED[entry(form, "named", str, path)]
        if "literal" in form:
            return Literal[tuple(_scalars(form, path))]
        if "union" in form:
            return Union[tuple(_built(builder, form, "union", path))]  # noqa: UP007
        if "generic" in form:
            origin = build_type(builder, form["generic"], path)
            return origin[tuple(_built(builder, form, "arguments", path))]
    except (TypeError, KeyError) as error:
        refuse(path, f"is {form!r:.60}, which is no type: {error!s:.200}")
    return builder.code(form, path, "type", inspect.isclass)


def _built(builder: Builder, form: Any, key: str, path: str) -> list[Any]:
    return [build_type(builder, item, path) for item in entry(form, key, list, path)]


def _scalars(form: Any, path: str) -> list[Any]:
    found = entry(form, "literal", list, path)
    if not all(item is None or isinstance(item, str | int | bool) for item in found):
        refuse(path, "has a Literal of something else than texts")
    return list(found)

"""Guardrails of agents and tools: the object of a module, or one made of a module's function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from timestep.engine.travel.builder import Builder, entry, is_function, refuse
from timestep.engine.travel.describer import Describer
from timestep.engine.travel.references import import_path, reference_to
from timestep.engine.travel.registered import GUARDRAILS, entry_of

CLASSES = {made.__name__: made for made in GUARDRAILS}
OPTIONS = ("name", "run_in_parallel")


def describe_guardrails(describer: Describer, found: Any, path: str) -> list[Any] | None:
    """A list of guardrails; None stays None."""
    if found is None:
        return None
    return [_describe(describer, item, f"{path}[{at}]") for at, item in enumerate(found)]


def build_guardrails(
    builder: Builder, parts: Any, path: str, kind: type[Any] | tuple[type[Any], ...]
) -> Any:
    """The guardrails that a list describes, all of one kind; None stays None.

    Raises:
        SpecNotBuildable: One of them is not here, not allowed, or of another kind.
    """
    if parts is None:
        return None
    if not isinstance(parts, list):
        refuse(path, "is no list of guardrails")
    return [_build(builder, part, f"{path}[{at}]", kind) for at, part in enumerate(parts)]


def _describe(describer: Describer, guardrail: Any, path: str) -> Any:
    if type(guardrail) not in GUARDRAILS:
        return describer.problem(path, f"is a {type(guardrail).__name__}", "use the SDK's classes")
    inside = guardrail.guardrail_function
    placed = entry_of("guardrail", guardrail) or import_path(guardrail, at_home=True)
    if not placed and (entry_of("function", inside) or reference_to(inside)):
        return _made_in_place(describer, guardrail, path)
    return {"code": describer.code(guardrail, path, "guardrail")}


def _made_in_place(describer: Describer, guardrail: Any, path: str) -> dict[str, Any]:
    return {
        "class": type(guardrail).__name__,
        "function": describer.code(guardrail.guardrail_function, path, "function"),
        "options": {name: getattr(guardrail, name) for name in OPTIONS if hasattr(guardrail, name)},
    }


def _build(builder: Builder, part: Any, path: str, kind: Any) -> Any:
    def fits(value: Any) -> bool:
        return isinstance(value, kind)

    if isinstance(part, Mapping) and "code" in part:
        return builder.code(part["code"], path, "guardrail", fits)
    made = CLASSES.get(entry(part, "class", str, path))
    if made is None or not issubclass(made, kind):
        refuse(path, f"is a {part['class']!r:.60}, which does not belong there")
    function = builder.code(entry(part, "function", dict, path), path, "function", is_function)
    return made(function, **_options(part, path))


def _options(part: Any, path: str) -> dict[str, Any]:
    found = entry(part, "options", dict, path)
    kinds: dict[str, Any] = {"name": (str, type(None)), "run_in_parallel": bool}
    return {name: entry(found, name, kinds[name], path) for name in OPTIONS if name in found}

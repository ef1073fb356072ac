"""Whether the arguments of a handoff can be read: asked before its answer is recorded."""

from __future__ import annotations

from typing import Any

from agents import Handoff
from agents.util._json import validate_json

from timestep.engine.travel.closures import UnknownClosure, arguments_of_handoff

_TYPE = "_timestep_input_type"


def keep_input_type(durable: Handoff[Any, Any], plain: Handoff[Any, Any]) -> None:
    """Let a durable copy know what its original takes: the SDK has it in a closure alone."""
    try:
        setattr(durable, _TYPE, arguments_of_handoff(plain)["type_adapter"])
    except (UnknownClosure, AttributeError):
        return  # Made in another way: it says itself what it cannot read.


def check_arguments(handoff: Handoff[Any, Any], arguments: str) -> None:
    """Refuse what the handoff will not be able to read.

    Raises:
        ModelBehaviorError: As the SDK would raise it after the calls beside it were made.
    """
    if (adapter := getattr(handoff, _TYPE, None)) is not None:
        validate_json(
            json_str=arguments,
            type_adapter=adapter,
            partial=False,
            strict=True,
            contains_tool_data=True,
        )

"""What a tool says about itself beyond the Agents SDK: its title, and whether it is idempotent.

    @tool_options(idempotent=True, title="Look up an order")
    @function_tool
    async def lookup_order(order_id: str) -> str: ...

A tool that is idempotent may be called again with the same arguments and nothing changes: if its
worker dies in the middle, the call is simply repeated. For one that is not, the run asks a person
what happened. Importing this module imports no SDK.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from timestep.errors import InvalidInput

_ATTRIBUTE = "__timestep_tool_options__"
_MAX_TITLE = 200

T = TypeVar("T")


@dataclass(frozen=True)
class ToolOptions:
    """Options of one tool; None means the default.

    Args:
        idempotent: Whether a repeated call changes nothing. Default: no where the tool needs
            approval, yes elsewhere.
        title: The name shown to people. Default: the tool's own.
    """

    idempotent: bool | None = None
    title: str = ""


def mark(tool: T, *, idempotent: bool | None = None, title: str = "") -> T:
    """Set the options of a tool, or of a function that is about to become one; returns it."""
    setattr(tool, _ATTRIBUTE, ToolOptions(idempotent, title[:_MAX_TITLE]))
    return tool


def tool_options(*, idempotent: bool | None = None, title: str = "") -> Callable[[T], T]:
    """The same as a decorator, above or below `@function_tool`. Raises InvalidInput."""
    if idempotent is not None and not isinstance(idempotent, bool):
        raise InvalidInput("idempotent", "use True, False, or None for the default")
    if not isinstance(title, str):
        raise InvalidInput("title", f"give a text, not {type(title).__name__}")

    def decorate(tool: T) -> T:
        return mark(tool, idempotent=idempotent, title=title)

    return decorate


def options_of(tool: object) -> ToolOptions:
    """The options of a tool, of the function that it wraps, or the defaults."""
    for candidate in (tool, getattr(tool, "__wrapped__", None)):
        found = getattr(candidate, _ATTRIBUTE, None)
        if isinstance(found, ToolOptions):
            return found
    return ToolOptions()

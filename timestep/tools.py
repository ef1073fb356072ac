"""What a tool says about itself beyond the Agents SDK: its title, its preview, if it may repeat.

    @tool_options(
        idempotent=False,
        title="Refund an order",
        preview=lambda call: f"Refund {call['amount']} {call['currency']} to {call['customer']}",
    )
    @function_tool(needs_approval=True)
    async def refund(amount: str, currency: str, customer: str) -> str: ...

A tool that is idempotent may be called again with the same arguments and nothing changes: if its
worker dies in the middle, the call is simply repeated. For one that is not, the run asks a person
what happened. Importing this module imports no SDK.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from timestep.errors import InvalidInput

_ATTRIBUTE = "__timestep_tool_options__"
_MAX_TITLE = 200

T = TypeVar("T")
Preview = Callable[[dict[str, Any]], str]


@dataclass(frozen=True)
class ToolOptions:
    """Options of one tool; None means the default.

    Args:
        idempotent: Whether a repeated call changes nothing. Default: no where the tool needs
            approval, yes elsewhere.
        title: The name shown to people. Default: the tool's own.
        preview: From the arguments of a call to the sentence that people decide on, its amounts
            with their units. Called in a worker when the call begins to wait.
    """

    idempotent: bool | None = None
    title: str = ""
    preview: Preview | None = None


def mark(
    tool: T, *, idempotent: bool | None = None, title: str = "", preview: Preview | None = None
) -> T:
    """Set the options of a tool, or of a function that is about to become one; returns it."""
    setattr(tool, _ATTRIBUTE, ToolOptions(idempotent, title[:_MAX_TITLE], preview))
    return tool


def tool_options(
    *, idempotent: bool | None = None, title: str = "", preview: Preview | None = None
) -> Callable[[T], T]:
    """The same as a decorator, above or below `@function_tool`. Raises InvalidInput."""
    if idempotent is not None and not isinstance(idempotent, bool):
        raise InvalidInput("idempotent", "use True, False, or None for the default")
    if not isinstance(title, str):
        raise InvalidInput("title", f"give a text, not {type(title).__name__}")
    if preview is not None and not callable(preview):
        raise InvalidInput("preview", "give a function of the arguments that returns a text")

    def decorate(tool: T) -> T:
        return mark(tool, idempotent=idempotent, title=title, preview=preview)

    return decorate


def options_of(tool: object) -> ToolOptions:
    """The options of a tool, of the function that it wraps, or the defaults."""
    for candidate in (tool, getattr(tool, "__wrapped__", None)):
        found = getattr(candidate, _ATTRIBUTE, None)
        if isinstance(found, ToolOptions):
            return found
    return ToolOptions()

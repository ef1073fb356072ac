"""Calls that people approved: made with the arguments that they saw, or that they chose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.tool_context import ToolContext

from timestep.arguments import arguments_digest
from timestep.errors import TimestepError

_PARTS = ("text", "image", "file")


class NotAsApproved(TimestepError):
    """A call would be made with other arguments than somebody approved."""

    def __init__(self, tool: str, call_id: str) -> None:
        super().__init__(
            f"call {call_id} of {tool} has other arguments than were approved; it was not made"
        )


@dataclass(frozen=True)
class Approved:
    """An approval as the segment keeps it.

    Args:
        digest: Of the arguments to make the call with.
        proposed: Of those that the model proposed.
        edited: The arguments as JSON text, where a person changed them.
        reason: What that person says about it.
    """

    digest: str
    proposed: str
    edited: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Made:
    """How a call is made: its arguments and, where a person changed them, what they were."""

    arguments: str
    proposed: str | None = None
    reason: str = ""

    @property
    def was_edited(self) -> bool:
        """Whether a person changed the arguments."""
        return self.proposed is not None

    def told(self, output: Any) -> Any:
        """The output for the model, which is told what was executed instead of its own call."""
        if not self.was_edited:
            return output
        why = f" (their reason: {self.reason})" if self.reason else ""
        note = (
            f"A person changed the arguments of this call before approving it{why}. "
            f"It was made with {self.arguments} and returned:"
        )
        parts = output if isinstance(output, list) else [output]
        if parts and all(isinstance(part, dict) and part.get("type") in _PARTS for part in parts):
            return [{"type": "text", "text": note}, *parts]
        return f"{note}\n{output}"


def approved_calls(decisions: Iterable[Mapping[str, Any]]) -> dict[str, Approved]:
    """What a segment's decisions bind calls to, by call id.

    A program's decisions are in the state that it loaded, with the calls themselves.
    """
    found = {}
    for decision in decisions:
        if decision["approve"] and "digest" in decision:
            digest = decision["digest"]
            found[decision["call_id"]] = Approved(
                digest,
                decision.get("proposed", digest),
                decision.get("arguments"),
                decision.get("reason", ""),
            )
    return found


def as_approved(approved: Mapping[str, Approved], context: ToolContext[Any], proposed: str) -> Made:
    """How to make a call, right before it is made; the context gets the same arguments.

    Args:
        approved: What was approved of the run's pending calls.
        context: Of the call.
        proposed: The arguments of the model.

    Raises:
        NotAsApproved: The call is another than the one that was approved.
    """
    found = approved.get(context.tool_call_id)
    if found is None or proposed == found.edited:  # A guardrail may have come here first.
        return Made(proposed)
    edited = proposed if found.edited is None else found.edited
    digests = (arguments_digest(proposed), arguments_digest(edited))
    if digests != (found.proposed, found.digest):
        raise NotAsApproved(context.tool_name, context.tool_call_id)
    if found.edited is None:
        return Made(proposed)
    context.tool_arguments = edited
    # What the SDK parsed of the model's arguments when it asked whether the call waits.
    context._function_tool_arguments = None
    return Made(edited, proposed, found.reason)

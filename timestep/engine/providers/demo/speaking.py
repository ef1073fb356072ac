"""What the demo model says in the end: what its tools returned, in plain words."""

from __future__ import annotations

import re
from typing import Any

from timestep.engine.providers.demo.conversation import Call, Conversation, parsed

SIGNATURE = "(demo model, offline)"
_MAX_OUTPUT = 400
_MAX_QUOTE = 160
_REJECTED = re.compile(
    r"^.{0,80}?\b(?:not approved?|rejected|declined)\b[^.:\n]*[.:]?\s*(?:their reason:\s*)?",
    re.IGNORECASE,
)
# What nobody decided, or a policy: told as it was told.
_NOT_MADE = re.compile(
    r"^(?:the call was not made:\s*(?=the time)|this call was\s*(?=denied by a policy))",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"^(?:an error occurred|error\b|tool .{0,80} (?:failed|timed out))", re.IGNORECASE
)
_FAILED_HEAD = re.compile(
    r"^(?:an error occurred while running the tool\. please try again\.?|error\b:?)\s*"
    r"(?:error:\s*)?",
    re.IGNORECASE,
)


def summary(conversation: Conversation, handoffs: set[str]) -> str:
    """A paragraph about what was done, with the demo's signature."""
    calls = [call for call in conversation.calls if not _is_handoff(call, handoffs)]
    if not calls:
        asked = _short(" ".join(conversation.asked.split()), _MAX_QUOTE)
        return f"You wrote: “{asked}” I have no tool that helps with it. {SIGNATURE}"
    told = " ".join(_tell(call) for call in calls)
    return f"{told} {SIGNATURE}"


def announcement(name: str, arguments: str, handoffs: dict[str, str]) -> str:
    """What it says before a call, as people who watch or approve want to know.

    Args:
        name: The tool or handoff that it is about to call.
        arguments: The call's JSON.
        handoffs: Handoff name → the agent behind it.
    """
    if name in handoffs:
        return f"This is for {handoffs[name]}, to whom I hand over."
    value = parsed(arguments)
    given = _short(_plain(value), _MAX_QUOTE) if value else ""
    return f"I use {name.replace('_', ' ')}{f' with {given}' if given else ''}."


def _is_handoff(call: Call, handoffs: set[str]) -> bool:
    return call.name in handoffs or call.name.startswith("transfer_to_")


def _tell(call: Call) -> str:
    name = call.name.replace("_", " ").capitalize()
    output = (call.output or "").replace(SIGNATURE, "").strip()
    if call.output is None:
        return f"{name}: no answer yet."
    if not_made := _NOT_MADE.match(output):
        return f"{name} was not done: {_short(output[not_made.end() :].strip(' .'), _MAX_OUTPUT)}."
    if rejected := _REJECTED.match(output):
        why = _short(output[rejected.end() :].strip(" .\n"), _MAX_OUTPUT)
        return f"{name} was not done: a person rejected it{f' ({why})' if why else ''}."
    if _FAILED.match(output):
        why = _short(_FAILED_HEAD.sub("", output).strip(" .\n"), _MAX_OUTPUT)
        return f"{name} failed{f': {why}' if why else ''}."
    value = parsed(output)
    words = _plain(value) if isinstance(value, dict | list) else output
    return f"{name}: {_short(words.strip(' .'), _MAX_OUTPUT)}."


def _plain(value: Any) -> str:
    """A JSON value in words: `order id 4711, status refunded`."""
    if isinstance(value, dict):
        told = ((k, v) for k, v in value.items() if v is not None and k != "demo_data")
        return ", ".join(f"{str(k).replace('_', ' ')} {_plain(v)}" for k, v in told)
    if isinstance(value, list):
        return " and ".join(_plain(part) for part in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"

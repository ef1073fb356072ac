"""What the demo model sees: what was asked last, and what was done about it since."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.items import TResponseInputItem

_MAX_TEXT = 20_000


@dataclass
class Call:
    """A call made since the last question, and what came of it (None: nothing yet)."""

    call_id: str
    name: str
    arguments: Any
    output: str | None = None


@dataclass
class Conversation:
    """The current exchange, and the text of all before it."""

    asked: str = ""
    before: str = ""
    calls: list[Call] = field(default_factory=list)

    def known(self) -> dict[str, Any]:
        """Values by name, out of what was passed to tools and what they answered."""
        values: dict[str, Any] = {}
        for call in self.calls:
            for source in (call.arguments, parsed(call.output)):
                _collect(source, values)
        return values


def read(given: str | list[TResponseInputItem]) -> Conversation:
    """Read the input of a model call."""
    if isinstance(given, str):
        return Conversation(asked=given[:_MAX_TEXT])
    conversation = Conversation()
    answered = False
    for item in given:
        entry: Mapping[str, Any] = item if isinstance(item, Mapping) else item.model_dump()
        if entry.get("role") == "user":
            _ask(conversation, text_of(entry.get("content")), answered)
            answered = False
        elif entry.get("role") not in ("system", "developer"):
            answered = True
            _note(conversation, entry)
    return conversation


def _ask(conversation: Conversation, text: str, answered: bool) -> None:
    """A new question; several without an answer between them are one."""
    if answered:
        conversation.before = f"{conversation.before}\n{conversation.asked}"[-_MAX_TEXT:]
        conversation.asked, conversation.calls = "", []
    conversation.asked = f"{conversation.asked}\n{text}".strip()[:_MAX_TEXT]


def _note(conversation: Conversation, entry: Mapping[str, Any]) -> None:
    kind = entry.get("type")
    if kind == "function_call":
        arguments = parsed(entry.get("arguments"))
        call = Call(str(entry.get("call_id")), str(entry.get("name")), arguments)
        conversation.calls.append(call)
    elif kind == "function_call_output":
        for call in conversation.calls:
            if call.call_id == entry.get("call_id"):
                call.output = text_of(entry.get("output"))


def text_of(content: Any) -> str:
    """The text of a message's content or a tool's output, in any of its forms."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Iterable) and not isinstance(content, Mapping):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return json.dumps(content, default=str)


def parsed(text: Any) -> Any:
    """A text as the JSON (or Python literal, as the SDK writes dictionaries) that it may be."""
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        return None
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text) if text[:1] in "{[" else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _collect(source: Any, values: dict[str, Any], depth: int = 0) -> None:
    if isinstance(source, dict) and depth < 4:
        for name, value in source.items():
            if isinstance(value, list) and value and isinstance(value[0], str | int | float):
                # The first of several orders is an order.
                values[str(name).removesuffix("s")] = value[0]
            elif isinstance(value, dict | list):
                _collect(value, values, depth + 1)
            elif value is not None:
                values[str(name)] = value
    elif isinstance(source, list) and depth < 4:
        for value in source[:20]:
            _collect(value, values, depth + 1)

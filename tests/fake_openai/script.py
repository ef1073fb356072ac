"""Which answer the script has for a request."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Position:
    """Where in which conversation a request stands."""

    conversation: str
    turn: int
    user: str
    instructions: str
    model: str
    outputs: list[str]


@dataclass(frozen=True)
class Answer:
    """What the model says: text in tokens, and calls."""

    ident: str
    tokens: list[str]
    calls: list[Json]
    items: list[Json] = field(default_factory=list)
    delay: float = 0.0
    token_delay: float = 0.0
    flood: bool = False
    faults: list[Json | None] = field(default_factory=list)


def position(body: Json) -> Position:
    """Read a request's body, of either API."""
    if "messages" in body:
        items, instructions = _chat_items(body["messages"])
    else:
        given = body.get("input", "")
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        instructions = body.get("instructions") or ""
    last = max((i for i, item in enumerate(items) if item.get("role") == "user"), default=-1)
    user = _text(items[last].get("content", "")) if last >= 0 else ""
    after = items[last + 1 :]
    name = hashlib.sha256(f"{user}\0{instructions}".encode()).hexdigest()[:12]
    outputs = [_text(i.get("output", "")) for i in after if _is_output(i)]
    return Position(name, _turns(after), user, instructions, body.get("model", ""), outputs)


def _chat_items(messages: list[Json]) -> tuple[list[Json], str]:
    system = [_text(m["content"]) for m in messages if m["role"] in ("system", "developer")]
    rest = [m for m in messages if m["role"] not in ("system", "developer")]
    items = [
        {"type": "function_call_output", "output": m["content"]} if m["role"] == "tool" else m
        for m in rest
    ]
    return items, "\n".join(system)


def _turns(items: list[Json]) -> int:
    """How many groups of consecutive items are the assistant's."""
    spoke = [not _is_output(item) for item in items]
    return sum(1 for i, mine in enumerate(spoke) if mine and (i == 0 or not spoke[i - 1]))


def _is_output(item: Json) -> bool:
    return str(item.get("type", "")).endswith("_output")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return "" if content is None else json.dumps(content, sort_keys=True)


def answer(script: Json, at: Position) -> Answer:
    """The script's answer to a request that stands there."""
    part = next((c for c in script.get("conversations", []) if _matches(c, at)), script)
    turns = part.get("turns", [])
    turn: Json = turns[at.turn] if at.turn < len(turns) else {"text": "done"}
    ident = f"{at.conversation}_{at.turn}"
    calls = enumerate(turn.get("calls", []))
    pace: Json = {"token_delay": 0.0, **script, **part, **turn}
    return Answer(
        ident=ident,
        tokens=_tokens(turn, at),
        calls=[_call(call, f"call_{ident}_{i}", at) for i, call in calls],
        items=turn.get("items", []),
        delay=turn.get("delay", 0.0),
        token_delay=pace["token_delay"],
        flood="flood" in turn,
        faults=turn.get("faults", []),
    )


def _matches(part: Json, at: Position) -> bool:
    return (
        part.get("input_contains", "") in at.user
        and part.get("instructions_contain", "") in at.instructions
        and part.get("model", at.model) == at.model
    )


def _tokens(turn: Json, at: Position) -> list[str]:
    if "flood" in turn:
        return ["x"] * turn["flood"]
    if "tokens" in turn:
        return [f"tok{i} " for i in range(turn["tokens"])]
    words = _fill(turn.get("text", ""), at).split(" ")
    return [word + " " for word in words[:-1]] + [word for word in words[-1:] if word]


def _call(call: Json, call_id: str, at: Position) -> Json:
    given = call.get("arguments", {})
    text = given if isinstance(given, str) else json.dumps(_fill_all(given, at))
    return {"call_id": call.get("call_id", call_id), "name": call["name"], "arguments": text}


def _fill_all(value: Any, at: Position) -> Any:
    if isinstance(value, str):
        return _fill(value, at)
    if isinstance(value, dict):
        return {key: _fill_all(part, at) for key, part in value.items()}
    return [_fill_all(part, at) for part in value] if isinstance(value, list) else value


def _fill(text: str, at: Position) -> str:
    known = {
        "{input}": at.user,
        "{outputs}": " | ".join(at.outputs),
        "{turn}": str(at.turn),
        "{conversation}": at.conversation,
    }
    for name, value in known.items():
        text = text.replace(name, value)
    return text

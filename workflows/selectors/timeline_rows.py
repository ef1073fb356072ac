"""One row of a run's timeline, and the output panel beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from approvals.models import ApprovalRequest
from timestep.values import brief


@dataclass
class Row:
    """A model call, a tool call, a guardrail, an approval, or something that happened to the run.

    `kind` is model, tool, guardrail, approval, answer, granted, hold, handoff, segment,
    worker_lost, retried, changed or failure; `state` is running, ok, failed, stopped, unknown,
    waiting, note, or the outcome of a decision.
    `proposed` is what the model wrote where a person changed the arguments of a call.
    `seq` is the last event that changed the row.
    """

    dom_id: str
    step: str
    kind: str
    seq: int = 0
    state: str = ""
    title: str = ""
    agent: str = ""
    call_id: str = ""
    parent_call_id: str = ""
    # The element id of the row that it stands under, and how deep; set by `in_order`.
    parent: str = ""
    depth: int = 0
    attempt: int = 0
    text: str = ""
    arguments: Any = None
    proposed: Any = None
    output: Any = None
    error: str = ""
    by: str = ""
    note: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration_ms: int | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    hosted_calls: list[dict[str, Any]] = field(default_factory=list)
    retries: list[dict[str, Any]] = field(default_factory=list)
    waits: list[dict[str, Any]] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    request: ApprovalRequest | None = None

    @property
    def template(self) -> str:
        """The template of the row."""
        return f"workflows/run/rows/_{self.kind}.html"

    @property
    def text_id(self) -> str:
        """The element that the text of a model call streams into."""
        return f"text-{self.step.replace('.', '-')}"

    @property
    def asks(self) -> bool:
        """Whether a person is (or was) asked about this call."""
        return self.kind == "approval" or self.state == "unknown"

    @property
    def nested(self) -> bool:
        """Whether the call was made by an agent that is used as a tool."""
        return bool(self.parent_call_id)

    @property
    def tokens(self) -> int:
        """Input plus output tokens of a model call."""
        return int(self.usage.get("input_tokens") or 0) + int(self.usage.get("output_tokens") or 0)

    @property
    def summary(self) -> str:
        """What the closed row says of the call, in one line."""
        if self.kind == "model":
            if self.error:
                return self.error[:160]
            made = [*self.hosted_calls, *self.tool_calls]
            calls = [str(call.get("name", "")) for call in made]
            return self.text[:160] or ("calls " + ", ".join(calls)[:160] if calls else "")
        if self.kind == "guardrail":
            return ": ".join(part for part in (self._verdict, brief(self.output)) if part)
        shown = brief(self.arguments)
        ended = self.error or brief(self.output)
        return f"{shown} → {ended}" if self.state in ("ok", "failed") else shown

    @property
    def _verdict(self) -> str:
        """What a guardrail came to, in words."""
        words = {"ok": "let pass", "reject": "refused", "failed": "ended the run"}
        return f"{self.note} {words.get(self.state, '')}".strip()


@dataclass(frozen=True)
class Output:
    """What the output panel shows: text as it streams, or the run's final output."""

    text: str = ""
    text_id: str = ""
    final: Any = None
    streaming: bool = False
    calling: str = ""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show yet."""
        return not (self.text or self.text_id or self.calling or self.final is not None)


def output_of(status: str, final: Any, rows: list[Row]) -> Output:
    """The output panel of a run in this status with these rows."""
    if status == "succeeded":
        return Output(final="" if final is None else final)
    spoken = [row for row in rows if row.kind == "model" and not row.nested]
    if not spoken:
        return Output()
    last = spoken[-1]
    calls = ", ".join(str(call.get("name", "")) for call in last.tool_calls)
    streaming = last.state == "running"
    return Output(text=last.text, text_id=last.text_id, streaming=streaming, calling=calls)


def parsed(value: Any) -> Any:
    """The value of a JSON text, or the text where it is none. Models write anything."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value

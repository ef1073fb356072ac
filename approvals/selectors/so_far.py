"""What a run did before it asked: its finished steps, the latest few, as short lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from approvals.models import ApprovalRequest
from timestep.masking import masked
from timestep.models import RunEvent
from timestep.values import brief

STEPS_SHOWN = 12
_WORDS = 200
_PART = 90


@dataclass(frozen=True)
class Step:
    """One finished step: which icon it has, whose it is, and what came of it in one line."""

    icon: str
    name: str
    words: str
    failed: bool = False


@dataclass(frozen=True)
class SoFar:
    """The latest steps in their order, and whether there were more before them."""

    steps: tuple[Step, ...] = ()
    more: bool = False


def so_far(asked: ApprovalRequest) -> SoFar:
    """What the run had done when it asked."""
    finished = RunEvent.objects.filter(
        run_id=asked.run_id, kind__in=tuple(_KINDS), at__lte=asked.created_at
    )
    latest = finished.order_by("-seq").values_list("kind", "payload")[: STEPS_SHOWN + 1]
    found = [_KINDS[kind](masked(payload)) for kind, payload in latest]
    return SoFar(tuple(reversed(found[:STEPS_SHOWN])), len(found) > STEPS_SHOWN)


def _model(said: dict[str, Any]) -> Step:
    calls = [*(said.get("hosted_calls") or ()), *(said.get("tool_calls") or ())]
    names = ", ".join(str(call.get("name", "")) for call in calls)
    text = " ".join(str(said.get("text") or "").split())
    words = "; ".join(part for part in (text, f"calls {names}" if names else "") if part)
    return Step("robot", str(said.get("agent") or said.get("model") or ""), brief(words, _WORDS))


def _tool(said: dict[str, Any]) -> Step:
    given, came = said.get("arguments"), said.get("error") or said.get("output")
    parts = (brief(part, _PART) for part in (given, came) if part not in (None, ""))
    words = " → ".join(" ".join(part.split()) for part in parts)
    return Step("tool", str(said.get("tool") or ""), words, failed=not said.get("ok", True))


def _handoff(said: dict[str, Any]) -> Step:
    return Step("arrows-exchange", str(said.get("from") or ""), f"hands over to {said.get('to')}")


_KINDS = {"model.finished": _model, "tool.finished": _tool, "handoff": _handoff}

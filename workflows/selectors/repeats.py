"""What a retry or another launch of a run would do once more: calls that are not idempotent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from timestep.arguments import parse_arguments
from timestep.masking import masked
from timestep.models import Run, RunEvent, ToolStart

SHOWN = 20
MADE = "made"
_READ = 200
_ARGUMENTS_SHOWN = 200


@dataclass(frozen=True)
class SideEffect:
    """One call that was made, or may have been.

    Args:
        tool: Its name.
        agent: Slug of the agent that made it.
        arguments: What it was made with, on one line, secrets masked.
        at: When it began.
        word: How it ended: `made`, `failed`, or `outcome unknown`.
    """

    tool: str
    agent: str
    arguments: str
    at: datetime
    word: str


@dataclass(frozen=True)
class SideEffects:
    """The calls to show, and whether there are more."""

    shown: Sequence[SideEffect]
    more: bool

    @property
    def any(self) -> bool:
        """Whether there is anything to list."""
        return bool(self.shown)


def repeated_by_launch(run: Run) -> SideEffects:
    """What a new run like this one may do a second time."""
    return _listed(_side_effects(run))


def repeated_by_retry(run: Run) -> SideEffects:
    """What going on from the failed step does again, or asks about.

    A call that ended well is kept. One that raised is made again, and it may have done its work
    before it raised. Of one whose outcome nobody knows, the run asks a person.
    """
    return _listed([effect for effect in _side_effects(run) if effect.word != MADE])


def _listed(found: list[SideEffect]) -> SideEffects:
    return SideEffects(found[:SHOWN], len(found) > SHOWN)


def _side_effects(run: Run) -> list[SideEffect]:
    starts = list(ToolStart.objects.filter(run=run).order_by("started_at", "pk")[:_READ])
    calls = [start.call_id for start in starts]
    ends = RunEvent.objects.filter(run=run, kind="tool.finished", payload__call_id__in=calls)
    # Asked only where there are any starts: few runs have tools that are not idempotent.
    ended = set(ends.values_list("payload__call_id", flat=True)) if calls else set()
    return [_side_effect(start, start.call_id in ended) for start in starts]


def _side_effect(start: ToolStart, ended: bool) -> SideEffect:
    text = json.dumps(masked(parse_arguments(start.arguments)), ensure_ascii=False)
    if len(text) > _ARGUMENTS_SHOWN:
        text = text[:_ARGUMENTS_SHOWN] + "…"
    word = "failed" if start.raised_at is not None else MADE if ended else "outcome unknown"
    return SideEffect(start.tool, start.agent, text, start.started_at, word)

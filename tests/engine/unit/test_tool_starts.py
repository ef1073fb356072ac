"""Durable starts of calls that must not be repeated unasked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.services.rows import launched, tool_start
from timestep.engine import tool_starts
from timestep.models import ToolStart

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(hours=1)


def _record(call_id: str = "c1", *, n: int = 0, step: int = 1) -> dict[str, Any] | None:
    return tool_starts.record("r", n, step, "desk", "refund", call_id, '{"a": "\x00"}', 0)


def test_a_first_start_is_written() -> None:
    launched("r")
    assert _record() is None
    start = ToolStart.objects.get()
    assert (start.segment, start.step, start.call_id) == ("r:0", 1, "c1")
    assert (start.agent, start.tool, start.arguments) == ("desk", "refund", '{"a": "\ufffd"}')
    assert (start.raised_at, start.unknown_at, start.resolution) == (None, None, None)


@pytest.mark.parametrize("resolution", [None, {"outcome": "run_again", "result": ""}])
def test_a_call_that_is_made_again_starts_anew(resolution: dict[str, Any] | None) -> None:
    seen: dict[str, Any] = {"started_at": LONG_AGO, "unknown_at": LONG_AGO, "raised_at": LONG_AGO}
    tool_start(launched("r"), "c1", resolution=resolution, **seen)
    assert _record() == resolution
    start = ToolStart.objects.get()
    assert start.started_at > LONG_AGO
    assert (start.raised_at, start.unknown_at, start.resolution) == (None, None, None)


def test_a_call_that_happened_stays_answered() -> None:
    told = {"outcome": "happened", "result": "R-1"}
    tool_start(launched("r"), "c1", resolution=told, started_at=LONG_AGO, unknown_at=LONG_AGO)
    assert _record() == told
    assert _record() == told
    assert ToolStart.objects.get().started_at == LONG_AGO


@pytest.mark.parametrize(("n", "step"), [(0, 2), (1, 1)])
def test_another_call_under_the_same_id_is_no_repetition(n: int, step: int) -> None:
    run = launched("r")
    told = {"outcome": "happened", "result": "R-1"}
    tool_start(run, "c1", step=1, resolution=told, raised_at=LONG_AGO)
    assert _record(n=n, step=step) is None
    assert [s.call_id for s in tool_starts.without_outcome("r", n, set())] == ["c1"]
    assert [s.call_id for s in tool_starts.without_outcome("r", n, {1} - {step})] == ["c1"]


def test_the_same_call_of_another_run_is_another_call() -> None:
    told = {"outcome": "happened", "result": "R-1"}
    tool_start(launched("other"), "c1", resolution=told)
    launched("r")
    assert _record() is None
    assert ToolStart.objects.count() == 2


def test_a_worker_that_lost_the_run_begins_no_call() -> None:
    run = launched("r")
    run.epoch = 1
    run.save()
    with pytest.raises(tool_starts.RunLost):
        _record()
    assert not ToolStart.objects.exists()


def test_a_seen_error_is_an_outcome() -> None:
    launched("r")
    _record("c1", step=1)
    _record("c2", step=2)
    tool_starts.record_raised("r", "c1")
    assert [start.call_id for start in tool_starts.without_outcome("r", 0, set())] == ["c2"]


def test_only_starts_of_the_segment_without_checkpoint_have_no_outcome() -> None:
    run = launched("r")
    for step in (1, 2, 3):
        tool_start(run, f"c{step}", step=step)
    tool_start(run, "later", step=1, segment="r:1")
    tool_start(run, "answered", step=4, resolution={"outcome": "run_again"})
    left = [start.call_id for start in tool_starts.without_outcome("r", 0, {0, 2})]
    assert left == ["c1", "c3"]

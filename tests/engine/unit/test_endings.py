"""How an execution gives its run up: ended, interrupted, or asking what happened."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from tests.engine.unit.gate import RememberingGate
from tests.engine.unit.rows import executing
from tests.services.rows import tool_start
from timestep.engine import claims
from timestep.engine.claims import Ending
from timestep.gate import Interruption
from timestep.models import (
    Run,
    RunEvent,
    RunStatus,
    SavedState,
    Segment,
    SegmentState,
    ToolStart,
)
from timestep.services.states import segment_start
from timestep.services.status import record_event

pytestmark = pytest.mark.django_db

STATE = {"$schemaVersion": "1.21", "x": [1]}
CALL = Interruption("c1", "desk", "refund", '{"n": 1}', said_before="May I?")


def _end(status: RunStatus, epoch: int = 1, *, parked: bool = False, **fields: Any) -> bool:
    return claims.end("r", 0, epoch, Ending(status, parked, fields)) is not None


def _events() -> list[tuple[str, dict[str, Any]]]:
    return [(e.kind, e.payload) for e in RunEvent.objects.filter(seq__gt=1)]


def test_a_success_gives_the_run_up_with_its_output(gate: RememberingGate) -> None:
    executing("r", since=2, executing_ms=500)
    assert _end(RunStatus.SUCCEEDED, final_output={"sum": 3})
    run, segment = Run.objects.get(), Segment.objects.get()
    assert (run.status, run.owner, run.executing_since) == (RunStatus.SUCCEEDED, None, None)
    assert (run.final_output, run.epoch) == ({"sum": 3}, 1)
    assert 2500 <= run.executing_ms < 12_000
    assert (segment.state, bool(segment.ended_at)) == (SegmentState.ENDED, True)
    assert run.finished_at is not None
    assert [kind for kind, _ in _events()] == ["status", "run.finished"]
    assert gate.ended == [("r", "succeeded")]


def test_an_end_whose_answer_was_lost_is_written_once(gate: RememberingGate) -> None:
    executing("r")
    assert [_end(RunStatus.SUCCEEDED, final_output=1) for _ in range(2)] == [True, True]
    assert [kind for kind, _ in _events()] == ["status", "run.finished"]
    assert gate.ended == [("r", "succeeded")]


def test_a_failure_keeps_its_error_and_parks_the_segment(gate: RememberingGate) -> None:
    error = {"what": "tool refund", "message": "no"}
    executing("r")
    assert _end(RunStatus.FAILED, parked=True, error=error)
    assert Run.objects.get().error == error
    assert Segment.objects.get().state == SegmentState.PARKED
    assert _events()[:2] == [("run.failed", error), ("status", {"status": "failed"})]


def test_a_cancel_names_who_asked_for_it(gate: RememberingGate) -> None:
    executing("r", cancelled_by="ana")
    assert _end(RunStatus.CANCELLED, parked=True)
    assert _events()[0] == ("status", {"status": "cancelled", "by": "ana"})


def test_usage_is_summed_over_all_finished_calls(gate: RememberingGate) -> None:
    executing("r")
    usage = {"input_tokens": 10, "cached_tokens": 4, "output_tokens": 3, "reasoning_tokens": 1}
    record_event("r", "model.finished", {"usage": usage})
    record_event("r", "model.finished", {"usage": usage, "parent_call_id": "c1"})
    record_event("r", "model.finished", {"usage": {"input_tokens": 1}})
    assert _end(RunStatus.SUCCEEDED)
    run = Run.objects.get()
    assert (run.requests, run.turns, run.total_tokens) == (3, 2, 27)
    assert (run.input_tokens, run.cached_tokens, run.reasoning_tokens) == (21, 8, 2)
    finished = RunEvent.objects.get(kind="run.finished").payload
    assert finished["usage"] == {
        "requests": 3,
        "input_tokens": 21,
        "output_tokens": 6,
        "total_tokens": 27,
    }


@pytest.mark.parametrize("output", ["a\x00b", {"a": ["\ud800"]}], ids=ascii)
def test_an_output_that_no_database_keeps_does_not_hold_the_run(
    output: Any, gate: RememberingGate
) -> None:
    executing("r")
    assert _end(RunStatus.SUCCEEDED, final_output=output)
    assert Run.objects.get().final_output in ("a\ufffdb", {"a": ["\ufffd"]})


def test_an_interruption_saves_the_state_and_asks(gate: RememberingGate) -> None:
    executing("r", executing_ms=5)
    assert claims.interrupt("r", 0, 1, STATE, [CALL])
    run = Run.objects.get()
    assert (run.status, run.owner, run.revision) == (RunStatus.AWAITING_APPROVAL, None, 1)
    assert segment_start("r", 1).state == STATE
    assert Segment.objects.get().state == SegmentState.ENDED
    assert gate.asked == [("r", 1, [CALL])]
    asked = {"call_id": "c1", "tool": "refund", "agent": "desk", "arguments": '{"n": 1}'}
    assert _events() == [
        ("approval.requested", asked | {"kind": "tool_call"}),
        ("status", {"status": "awaiting_approval"}),
    ]


def test_each_interruption_has_its_revision(gate: RememberingGate) -> None:
    run = executing("r")
    assert claims.interrupt("r", 0, 1, STATE, [CALL])
    Run.objects.update(status=RunStatus.RUNNING, epoch=2)
    Segment.objects.create(segment_id="r:1", run=run, n=1, state=SegmentState.RUNNING)
    assert claims.interrupt("r", 1, 2, {"x": 2}, [CALL])
    assert [asked[1] for asked in gate.asked] == [1, 2]
    assert [segment_start("r", revision).state for revision in (1, 2)] == [STATE, {"x": 2}]


def test_a_run_that_was_cancelled_on_its_way_asks_nobody(gate: RememberingGate) -> None:
    executing("r", cancel_requested_at=timezone.now(), cancelled_by="ana")
    assert claims.interrupt("r", 0, 1, STATE, [CALL])
    run = Run.objects.get()
    assert (run.status, run.cancelled_by) == (RunStatus.CANCELLED, "ana")
    assert gate.ended == [("r", "cancelled")]


def test_unknown_outcomes_park_the_run_and_ask(gate: RememberingGate) -> None:
    run = executing("r", epoch=3)
    starts = [tool_start(run, f"c{n}", step=n, arguments=f'{{"n": {n}}}') for n in (1, 2)]
    assert claims.ask_outcomes("r", 0, 3, starts)
    assert Run.objects.get().status == RunStatus.AWAITING_APPROVAL
    assert Segment.objects.get().state == SegmentState.PARKED
    assert not ToolStart.objects.filter(unknown_at__isnull=True).exists()
    [(run_id, revision, waiting)] = gate.asked
    assert (run_id, revision) == ("r", 3)
    assert [(one.call_id, one.kind) for one in waiting] == [
        ("c1", "outcome_unknown"),
        ("c2", "outcome_unknown"),
    ]
    kinds = ["tool.unknown", "approval.requested"]
    assert [kind for kind, _ in _events()] == [*kinds[:1] * 2, *kinds[1:] * 2, "status"]
    assert Run.objects.get().revision == 0


@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.CANCELLED])
@pytest.mark.parametrize("act", ["end", "interrupt", "ask_outcomes"])
def test_what_the_epoch_lost_writes_nothing(
    act: str, status: RunStatus, gate: RememberingGate
) -> None:
    run = executing("r", status=status, epoch=2 if status == RunStatus.RUNNING else 1)
    start = tool_start(run, "c1")
    acts = {
        "end": lambda: _end(RunStatus.FAILED, error={"what": "x"}),
        "interrupt": lambda: claims.interrupt("r", 0, 1, STATE, [CALL]),
        "ask_outcomes": lambda: claims.ask_outcomes("r", 0, 1, [start]),
    }
    assert acts[act]() is False
    after = Run.objects.get()
    assert (after.status, after.owner, after.error, after.revision) == (status, "w-1", None, 0)
    assert Segment.objects.get().state == SegmentState.RUNNING
    assert (_events(), gate.asked, gate.ended) == ([], [], [])
    assert not SavedState.objects.exists()
    assert ToolStart.objects.get().unknown_at is None

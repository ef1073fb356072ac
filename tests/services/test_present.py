"""The JSON forms that programs read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.services.rows import launched, standing
from timestep.models import Run, RunEvent, RunStatus, Segment
from timestep.services.present import event_as_json, run_as_json

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


@pytest.mark.django_db
def test_a_queued_run_says_null_of_what_is_still_to_come() -> None:
    shown = run_as_json(launched("r"))
    assert (shown["run_id"], shown["status"], shown["agent"]) == ("r", "queued", "desk")
    unknown = ("final_output", "error", "started_at", "finished_at")
    assert [shown[key] for key in unknown] == [None] * 4
    assert shown["usage"] == dict.fromkeys(
        ("requests", "input_tokens", "output_tokens", "total_tokens"), 0
    )


@pytest.mark.django_db
def test_a_run_that_has_ended_shows_output_usage_and_times() -> None:
    used = {"requests": 2, "input_tokens": 30, "output_tokens": 4}
    times = {"created_at": AT, "started_at": AT, "finished_at": AT}
    run = standing("r", RunStatus.SUCCEEDED, final_output={"a": [1]}, **used, **times)
    Segment.objects.create(segment_id="r:1", run=run, n=1)
    shown = json.loads(json.dumps(run_as_json(run)))
    assert shown["final_output"] == {"a": [1]}
    assert shown["usage"] == used | {"total_tokens": 34}
    assert {shown[key] for key in times} == {"2026-01-02T03:04:05.678000Z"}
    assert shown["segments"] == 2


@pytest.mark.django_db
def test_an_error_is_shown_without_its_traceback() -> None:
    error = {"what": "tool refund", "message": "no", "traceback": "secret"}
    run = standing("r", RunStatus.FAILED, error=error)
    assert run_as_json(run)["error"] == {"what": "tool refund", "message": "no"}
    assert Run.objects.get().error == error


def _event(of_step: str, **payload: object) -> RunEvent:
    return RunEvent(seq=7, kind="tool.started", step=of_step, attempt=2, payload=payload, at=AT)


def test_an_event_of_a_step_names_step_and_attempt() -> None:
    assert event_as_json(_event("0.4", tool="refund")) == {
        "seq": 7,
        "kind": "tool.started",
        "payload": {"tool": "refund", "step": "0.4", "attempt": 2},
        "at": "2026-01-02T03:04:05.678000Z",
    }


def test_an_event_without_a_step_keeps_what_its_payload_says() -> None:
    event = _event("", step="0.9", traceback="secret")
    assert event_as_json(event)["payload"] == {"step": "0.9"}
    assert event.payload == {"step": "0.9", "traceback": "secret"}

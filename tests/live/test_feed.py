"""Reading events: cursors, order, merging, and the form that programs see."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.live.scribe import finish_step, make_run, speak, write
from timestep.errors import InvalidInput
from timestep.events import feed
from timestep.models import RunEvent
from timestep.services.present import event_as_json

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def _delta(seq: int, text: str, step: str = "0.1", attempt: int = 0) -> feed.EventRow:
    return feed.EventRow("r", seq, step, attempt, "model.delta", {"text": text}, AT)


@pytest.mark.parametrize(("text", "seq"), [("", 0), ("0", 0), ("7", 7), ("9" * 18, 10**18 - 1)])
def test_cursors_are_whole_numbers(text: str, seq: int) -> None:
    assert feed.parse_cursor(text) == seq


@pytest.mark.parametrize("text", ["-1", "+1", " 1", "1_0", "²", "9223372036854775808", "1" * 20])
def test_other_cursors_are_refused_with_the_field_named(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        feed.parse_cursor(text)
    assert refusal.value.field == "after"


def test_only_consecutive_deltas_of_one_step_and_attempt_merge() -> None:
    other = feed.EventRow("r", 3, "0.2", 0, "handoff", {}, AT)
    rows = [_delta(1, "a"), _delta(2, "b"), other, _delta(4, "c"), _delta(5, "d", attempt=1)]
    merged = feed.merge_deltas([*rows, _delta(6, "e", step="0.3"), _delta(7, "f", step="0.3")])
    assert [(row.seq, row.payload.get("text")) for row in merged] == [
        (2, "ab"), (3, None), (4, "c"), (5, "d"), (7, "ef"),
    ]  # fmt: skip
    assert rows[1].payload == {"text": "b"}


def test_nothing_merges_to_nothing() -> None:
    assert feed.merge_deltas([]) == []


@pytest.mark.django_db
def test_events_come_in_order_after_the_cursor_and_up_to_the_limit() -> None:
    make_run()
    speak("run-1", "a", "b", "c", "d")
    rows = feed.events_after("run-1", 1, 2)
    assert [(row.seq, row.payload["text"]) for row in rows] == [(2, "b"), (3, "c")]
    assert [row.seq for row in feed.events_after("run-1", 1, 9, upto=2)] == [2]


@pytest.mark.django_db
def test_many_runs_are_read_at_once_each_after_its_own_cursor() -> None:
    for name in ("run-1", "run-2", "run-3"):
        make_run(name)
        speak(name, "a", "b", "c")
    found = feed.events_of_runs({"run-1": 1, "run-2": 3, "run-3": 0, "gone": 0}, 100)
    assert {key: [row.seq for row in rows] for key, rows in found.items()} == {
        "run-1": [2, 3], "run-3": [1, 2, 3],
    }  # fmt: skip
    assert feed.events_of_runs({}, 100) == {}


@pytest.mark.django_db
def test_a_hole_of_folded_deltas_larger_than_the_limit_is_no_end() -> None:
    make_run()
    speak("run-1", *"0123456789")
    finish_step("run-1", "0123456789")
    assert [row.seq for row in feed.events_of_runs({"run-1": 0}, 3)["run-1"]] == [11]


@pytest.mark.django_db
def test_programs_see_what_the_command_line_prints() -> None:
    make_run()
    write("run-1", ("run.failed", {"message": "m", "traceback": "secret"}), step="0.1", attempt=2)
    (row,) = feed.events_after("run-1", 0, 9)
    message = feed.as_message(row)
    assert message == event_as_json(RunEvent.objects.get())
    assert message["payload"] == {"message": "m", "step": "0.1", "attempt": 2}
    assert message["at"].endswith("Z")


@pytest.mark.django_db
def test_status_events_of_all_runs_come_by_id() -> None:
    for name in ("run-1", "run-2"):
        make_run(name)
        write(name, ("status", {"status": "queued"}), ("handoff", {}))
    found = feed.status_events(0)
    assert [row.run_id for _, row in found] == ["run-1", "run-2"]
    assert feed.status_events(feed.newest_event_id()) == []

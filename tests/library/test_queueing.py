"""`queue_agent_workflow`: handles, limits, priorities, duplicates, delays."""

from __future__ import annotations

import signal
import time

import pytest

from tests.campaign.double import script
from tests.campaign.installation import Installation, until
from tests.library.program import Program, Raised
from timestep.models import Queue, Run, Segment


def test_a_handle_gives_status_and_result(program: Program) -> None:
    before, result, after = program.call("queue_and_wait", agent="adder", input_items="add 7 and 8")
    assert before in ("queued", "running", "succeeded")
    assert result["output"].startswith("Add: 15.")
    assert after == "succeeded"


def test_the_default_queue_starts_50_in_60_seconds(program: Program) -> None:
    program.call("queue_and_wait", agent="adder", input_items="add 1 and 8")
    queue = Queue.objects.get(name="default")
    assert (queue.limit, queue.period_seconds) == (50, 60.0)


def test_a_queue_named_for_the_first_time_is_made(program: Program) -> None:
    asked = {"agent": "adder", "input_items": "add 1 and 2", "queue_name": "fresh"}
    program.call("queue_and_wait", **asked)
    assert Queue.objects.get(name="fresh").limit == 50


def test_limits_hold_and_change_while_in_use(engine: Installation, program: Program) -> None:
    program.call("set_queue", name="narrow", limit=2, period=600)
    runs = [
        program.call("queue", agent="adder", input_items=f"add 1 and {n}", queue_name="narrow")
        for n in range(4)
    ]
    for run_id in runs[:2]:
        engine.wait(engine.run(run_id), "succeeded")
    time.sleep(1.5)
    assert [engine.run(run_id).status for run_id in runs[2:]] == ["queued", "queued"]
    program.call("set_queue", name="narrow", limit=None)
    for run_id in runs[2:]:
        engine.wait(engine.run(run_id), "succeeded", within=5)


def test_lower_numbers_go_first_and_none_goes_last(engine: Installation, program: Program) -> None:
    program.call("set_queue", name="ordered", concurrency=0)
    given = [("none", None), ("second", 5), ("first", 1)]
    for name, priority in given:
        asked = {"agent": "adder", "input_items": "add 1 and 1", "workflow_id": name}
        program.call("queue", **asked, queue_name="ordered", priority=priority)
    program.call("set_queue", name="ordered", concurrency=1)
    engine.wait(engine.run("none"), "succeeded")
    started = Segment.objects.filter(run__queue="ordered").order_by("started_at")
    assert list(started.values_list("run_id", flat=True)) == ["first", "second", "none"]


def test_a_duplicate_is_refused_and_names_the_first(program: Program) -> None:
    asked = {"agent": "wiper", "input_items": "wipe it", "deduplication_id": "user-1-task-1"}
    first = program.call("queue", **asked)
    with pytest.raises(Raised) as raised:
        program.call("queue", **asked)
    assert raised.value.name == "DuplicateRun"
    assert raised.value.about["run_id"] == first
    assert program.call("queue", **asked, on_duplicate="return_existing") == first


def test_a_duplicate_may_come_once_the_first_has_ended(
    engine: Installation, program: Program
) -> None:
    asked = {"agent": "adder", "input_items": "add 1 and 1", "deduplication_id": "again"}
    first = program.call("queue", **asked)
    engine.wait(engine.run(first), "succeeded")
    assert program.call("queue", **asked) != first


def test_a_delay_is_kept(engine: Installation, program: Program) -> None:
    run_id = program.call("queue", agent="adder", input_items="add 1 and 1", delay_seconds=2)
    run = engine.wait(engine.run(run_id), "succeeded")
    assert run.started_at is not None
    waited = (run.started_at - run.created_at).total_seconds()
    assert 2 <= waited < 3.5


def test_cancelling_stops_a_model_call(engine: Installation, program: Program) -> None:
    engine.double.says(script("cancel me", {"tokens": 900, "token_delay": 0.1}))
    began = time.monotonic()
    with pytest.raises(Raised) as raised:
        program.call("queue_and_cancel", agent="talker", input_items="cancel me", after=1.0)
    assert raised.value.name == "RunCancelled"
    assert time.monotonic() - began < 5


def test_cancelling_what_has_ended_changes_nothing(engine: Installation, program: Program) -> None:
    engine.double.says(script("too late", {"text": "done"}))
    order = {"agent": "talker", "input_items": "too late", "workflow_id": "too-late"}
    program.call("queue_and_wait", **order)
    assert program.call("queue_and_cancel", **order, after=0.0)["status"] == "succeeded"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"queue_name": "direct"}, "queue_name"),
        ({"queue_name": "not a name"}, "queue_name"),
        ({"queue_name": 7}, "queue_name"),
        ({"deduplication_id": 7}, "deduplication_id"),
        ({"delay_seconds": "soon"}, "delay_seconds"),
        ({"priority": 0}, "priority"),
        ({"delay_seconds": -1}, "delay_seconds"),
        ({"on_duplicate": "shrug"}, "on_duplicate"),
    ],
)
def test_bad_input_names_its_field(program: Program, given: dict[str, object], field: str) -> None:
    before = Run.objects.count()
    with pytest.raises(Raised) as raised:
        program.call("queue", agent="adder", input_items="add 1 and 1", **given)
    assert (raised.value.name, raised.value.about["field"]) == ("InvalidInput", field)
    assert Run.objects.count() == before


def test_a_worker_takes_from_queues_where_there_is_one(
    engine: Installation, program: Program
) -> None:
    engine.stack.extra["TIMESTEP_CODE"] = "tests"
    worker = engine.ready()
    asked = {"agent": "adder", "input_items": "add 3 and 3", "workflow_id": "by-worker"}
    run_id = program.call("queue", **asked)
    engine.wait(engine.run(run_id), "succeeded")
    assert Segment.objects.get(run_id=run_id).worker == worker.worker_id
    direct = program.call("run", agent="adder", input_items="add 3 and 3")["run_id"]
    assert Segment.objects.get(run_id=direct).worker != worker.worker_id
    engine.stack.kill("worker", signal.SIGTERM)


def test_the_program_takes_from_queues_again_once_the_worker_is_gone(
    engine: Installation, program: Program
) -> None:
    run_id = program.call("queue", agent="adder", input_items="add 4 and 3")
    until(lambda: engine.run(run_id).status == "succeeded", 15, "the program executes it")

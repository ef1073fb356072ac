"""One execution: its names and numbers, how it is stopped, and how it fails."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from timestep.engine.execution import (
    Abort,
    Aborted,
    Execution,
    Scope,
    describe_error,
)
from timestep.engine.executions import Executions
from timestep.engine.step_ids import StepIds
from timestep.engine.writer import PendingEvent


class Said:
    """A writer that only remembers."""

    def __init__(self) -> None:
        self.events: list[PendingEvent] = []

    def emit(self, event: PendingEvent) -> None:
        """Remember an event."""
        self.events.append(event)


def _execution(epoch: int = 1, said: Said | None = None) -> Execution:
    writer: Any = said or Said()
    return Execution("r", 2, epoch, writer)


def _scope(execution: Execution) -> Scope:
    """A scope whose step ids are plain numbers."""
    numbers: Any = (SimpleNamespace(step_id=number) for number in range(1, 2000))
    return Scope(execution, StepIds(numbers))


async def test_attempts_rise_with_every_try_and_every_epoch() -> None:
    attempts = [_execution(epoch).attempt(number) for epoch in (1, 2, 3) for number in (1, 2, 6)]
    assert attempts == sorted(set(attempts))
    assert attempts[0] == 1


async def test_an_event_names_run_epoch_step_and_attempt() -> None:
    said = Said()
    _execution(4, said).emit("tool.started", {"a": 1}, step="2.7", attempt=301)
    [event] = said.events
    assert (event.run_id, event.epoch, event.step, event.attempt) == ("r", 4, "2.7", 301)
    assert (event.kind, event.payload) == ("tool.started", {"a": 1})


async def test_what_runs_to_its_end_returns_its_result() -> None:
    assert await _execution().run(asyncio.sleep(0, "done")) == "done"


async def test_a_stop_from_another_thread_ends_it_and_the_first_reason_counts() -> None:
    execution = _execution()

    def stop() -> None:
        execution.stop(Abort("cancelled"))
        execution.stop(Abort("lost"))

    threading.Timer(0.05, stop).start()
    with pytest.raises(Aborted) as aborted:
        await execution.run(asyncio.sleep(30))
    assert aborted.value.abort == Abort("cancelled")


async def test_a_stop_before_the_start_lets_nothing_begin() -> None:
    execution, begun = _execution(), []

    async def body() -> None:
        begun.append(1)

    execution.stop(Abort("timed_out"))
    await asyncio.sleep(0)
    with pytest.raises(Aborted, match="timed_out"):
        await execution.run(body())
    assert begun == []


async def test_a_cancel_of_asyncio_itself_is_no_abort() -> None:
    task = asyncio.ensure_future(_execution().run(asyncio.sleep(30)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failure_ends_the_run_with_what_failed_and_where() -> None:
    execution = _execution()
    with pytest.raises(Aborted) as aborted:
        await execution.run(execution.fail("tool refund", 7, ValueError("no")))
    abort = aborted.value.abort
    assert (abort.reason, execution.abort) == ("failed", abort)
    assert abort.error is not None
    told = {key: abort.error[key] for key in ("what", "step", "type", "message")}
    assert told == {"what": "tool refund", "step": "2.7", "type": "ValueError", "message": "no"}


async def test_a_failure_waits_for_calls_that_must_not_be_repeated() -> None:
    execution, done = _execution(), []

    async def pay() -> None:
        with execution.unrepeatable(1) as begins:
            begins()
            await asyncio.sleep(0.1)
            done.append("paid")

    async def body() -> None:
        await asyncio.gather(pay(), execution.fail("tool other", 2, ValueError("no")))

    with pytest.raises(Aborted, match="failed"):
        await execution.run(body())
    assert done == ["paid"]


async def test_two_such_calls_that_fail_do_not_wait_for_each_other() -> None:
    execution = _execution()

    async def pay(step_id: int) -> None:
        with execution.unrepeatable(step_id) as begins:
            begins()
            await asyncio.sleep(0.01)
            await execution.fail(f"tool {step_id}", step_id, ValueError("no"))

    async def body() -> None:
        await asyncio.gather(pay(1), pay(2))

    with pytest.raises(Aborted) as aborted:
        await asyncio.wait_for(execution.run(body()), 5)
    assert aborted.value.abort.reason == "failed"


def test_an_error_is_bounded_and_can_be_stored() -> None:
    described = describe_error("tool x", "0.1", ValueError("\x00" + "x" * 100_000))
    assert described["message"] == "\ufffd" + "x" * 1999
    assert len(described["traceback"]) <= 20_000
    assert describe_error("tool x", "", ValueError())["message"] == "ValueError"


async def test_calls_of_a_response_keep_the_ids_that_were_reserved_first() -> None:
    scope = _scope(_execution())
    for call_id in ("a", "b", "a"):
        scope.reserve_call(call_id)
    assert {call_id: step.step_id for call_id, step in scope.steps.items()} == {"a": 1, "b": 2}


async def test_a_nested_agent_has_a_block_of_its_own_and_names_its_call() -> None:
    said = Said()
    scope = _scope(_execution(said=said))
    scope.reserve_call("ask", block=7)
    scope.reserve_call("next")
    nested = scope.nested["ask"]
    assert nested.verdicts is scope.verdicts
    assert scope.steps["next"].step_id == 1
    nested.emit("model.started", {"agent": "x"})
    assert said.events[0].payload == {"agent": "x", "parent_call_id": "ask"}


async def test_executions_are_found_by_run_until_they_finish() -> None:
    executions = Executions()
    first = executions.start("r", 0, 1)
    second = executions.start("r", 0, 2)
    executions.start("s", 0, 1)
    executions.finish(first)
    assert sorted(executions.run_ids()) == ["r", "s"]
    executions.stop("nobody", Abort("lost"))
    executions.finish(second)
    assert executions.run_ids() == ["s"]


async def test_only_the_epoch_that_was_lost_is_stopped() -> None:
    executions = Executions()
    execution = executions.start("r", 0, 2)
    for run_id, epoch in (("r", 1), ("s", 2)):
        executions._lost(run_id, epoch)
    await asyncio.sleep(0)
    assert execution.abort is None
    executions._lost("r", 2)
    await asyncio.sleep(0)
    assert execution.abort == Abort("lost")


async def test_all_are_stopped_with_one_reason() -> None:
    executions = Executions()
    both = [executions.start(run_id, 0, 1) for run_id in "rs"]
    executions.stop_all("stopped")
    await asyncio.sleep(0)
    assert [execution.abort for execution in both] == [Abort("stopped")] * 2

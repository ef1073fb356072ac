"""The lease as the process itself knows it, and the look at it before a call."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from agents import FunctionTool, function_tool
from agents.tool_context import ToolContext

from tests.engine.unit.rows import executing
from tests.engine.unit.test_execution import Said, _scope
from tests.workflows.rows import worker
from timestep.engine import lease as module
from timestep.engine.execution import Abort, Execution, current_scope
from timestep.engine.last_look import invoker_that_looks, looking
from timestep.engine.lease import FRESH_SECONDS, LEASE_SECONDS, Lease, beat
from timestep.models import Run, Worker
from timestep.postgres import IDLE_IN_TRANSACTION_SECONDS


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "elapsed", made)
    return made


def test_idle_transactions_end_well_within_the_lease() -> None:
    assert IDLE_IN_TRANSACTION_SECONDS + 2 <= LEASE_SECONDS


@pytest.mark.django_db
def test_a_lease_is_fresh_for_half_of_it(clock: Clock) -> None:
    worker("w-1")
    lease = Lease("w-1")
    assert not lease.is_fresh()
    assert lease.renew()
    clock.now += FRESH_SECONDS
    assert lease.is_fresh()
    clock.now += 0.01
    assert not lease.is_fresh()


@pytest.mark.django_db
def test_a_swept_worker_has_no_lease_any_more_whenever_it_was_renewed(clock: Clock) -> None:
    worker("w-1")
    lease = Lease("w-1")
    lease.renew()
    Worker.objects.update(swept_by="w-2")
    assert not lease.renew()
    assert not lease.is_fresh()


@pytest.mark.django_db
def test_a_freeze_before_the_answer_to_a_renewal_counts(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answered_late(worker_id: str) -> bool:
        clock.now += LEASE_SECONDS
        return beat(worker_id)

    worker("w-1")
    monkeypatch.setattr(module, "beat", answered_late)
    lease = Lease("w-1")
    assert lease.renew()
    assert not lease.is_fresh()


@pytest.mark.django_db
def test_a_late_renewal_is_of_no_use_where_the_run_went_elsewhere() -> None:
    worker("w-1")
    executing("r")
    assert Lease("w-1").renew_for("r", 1)
    Run.objects.update(epoch=2)
    assert not Lease("w-1").renew_for("r", 1)
    Worker.objects.update(swept_by="w-2")
    assert not Lease("w-1").renew_for("r", 2)


class Kept(Lease):
    """A lease that answers as it is told to."""

    def __init__(self, *fresh: bool, renews: bool = True) -> None:
        super().__init__("w-1")
        self.fresh: Iterator[bool] = iter(fresh)
        self.renews = renews
        self.asked: list[tuple[str, int]] = []

    def is_fresh(self) -> bool:
        """What comes next."""
        return next(self.fresh)

    def renew_for(self, run_id: str, epoch: int) -> bool:
        """As it was told."""
        self.asked.append((run_id, epoch))
        return self.renews


def _execution(lease: Lease) -> Execution:
    writer: Any = Said()
    return Execution("r", 0, 1, writer, lease=lease)


async def test_a_fresh_lease_asks_nobody_and_yields_to_nobody() -> None:
    lease = Kept(True)
    with pytest.raises(StopIteration):
        _execution(lease).keep_lease().send(None)
    assert lease.asked == []


async def test_a_stale_lease_is_renewed_until_it_is_fresh() -> None:
    lease = Kept(False, False, True)
    await _execution(lease).keep_lease()
    assert lease.asked == [("r", 1)] * 2


async def test_a_call_is_not_made_where_the_lease_is_lost() -> None:
    made: list[str] = []
    execution = _execution(Kept(False, renews=False))

    async def call() -> None:
        await execution.keep_lease()
        made.append("called")

    with pytest.raises(Exception, match="lost"):
        await execution.run(call())
    assert (execution.abort, made) == (Abort("lost"), [])


CALLED: list[str] = []


def _in_thread(tag: str) -> str:
    CALLED.append(f"{tag} in {threading.current_thread().name}")
    return tag


async def _awaited(context: ToolContext[Any], tag: str) -> str:
    CALLED.append(tag)
    return tag


@pytest.mark.parametrize("function", [_in_thread, _awaited])
@pytest.mark.parametrize("lost", [True, False])
async def test_a_tool_looks_right_before_its_function(function: Any, lost: bool) -> None:
    CALLED.clear()
    made: FunctionTool = function_tool(function)
    lease = Kept(False, True, renews=not lost)
    execution = _execution(lease)
    current_scope.set(_scope(execution))
    context = ToolContext[Any](None, tool_name="t", tool_call_id="c", tool_arguments="{}")
    running = execution.run(invoker_that_looks(made)(context, '{"tag": "a"}'))
    if lost:
        with pytest.raises(Exception, match="lost"):
            await running
    else:
        assert await running == "a"
    assert (len(lease.asked), len(CALLED)) == (1, 0 if lost else 1)


async def test_a_function_outside_of_runs_looks_at_nothing() -> None:
    CALLED.clear()
    current_scope.set(None)
    assert looking(_in_thread)("a") == "a"
    assert await looking(_awaited)(None, "b") == "b"
    assert inspect.iscoroutinefunction(looking(_awaited))


async def test_a_tool_of_no_function_is_invoked_as_it_is() -> None:
    async def invoke(_context: ToolContext[Any], given: str) -> str:
        return given

    tool = FunctionTool("t", "", {"type": "object", "properties": {}}, invoke)
    assert await asyncio.wait_for(invoker_that_looks(tool)(None, "x"), 5) == "x"

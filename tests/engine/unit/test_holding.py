"""Calls that are held wait, say so, and go on by themselves; that is no executing time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from agents import Tool, WebSearchTool, function_tool

from tests.engine.unit.rows import executing
from timestep.engine import holds as module
from timestep.engine.executing_time import ExecutingTime, _go_on, _stand_still
from timestep.engine.execution import Execution, Scope
from timestep.engine.holds import Held, Stopped, is_held, pass_holds
from timestep.engine.local_calls import made_by_provider
from timestep.engine.step_ids import StepIds
from timestep.models import Run
from timestep.services.database_clock import database_now

REFUND = Held("tool", "refund", "ana", "it pays twice")


class FakeWriter:
    """Keeps what is emitted."""

    def __init__(self) -> None:
        self.kinds: list[tuple[str, dict[str, Any]]] = []

    def emit(self, event: Any) -> None:
        """Keep an event."""
        self.kinds.append((event.kind, event.payload))


def _refund() -> str:
    """Pay back."""
    return ""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.005)


@pytest.fixture(name="rows")
def _rows(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    written: list[str] = []

    async def in_thread(write: Any, *_args: Any) -> None:
        written.append(write.__name__)

    monkeypatch.setattr("timestep.engine.executing_time.in_thread", in_thread)
    return written


def _scope(*held: Held) -> tuple[Scope, FakeWriter]:
    writer: Any = FakeWriter()
    execution = Execution("r", 0, 1, writer)
    execution.holds.tell(Stopped(held), time.monotonic())
    return Scope(execution, StepIds(), within=frozenset({"desk"})), writer


def _tell(scope: Scope, *held: Held) -> None:
    scope.execution.holds.tell(Stopped(held), time.monotonic())


@pytest.mark.parametrize(
    ("held", "tool", "stops"),
    [
        (REFUND, "refund", True),
        (REFUND, "lookup", False),
        (REFUND, "", False),
        (Held("agent", "desk", "", ""), "", True),
        (Held("agent", "clerk", "", ""), "refund", True),
        (Held("agent", "refund", "", ""), "refund", False),
        (Held("everything", "", "", ""), "", True),
    ],
    ids=["tool", "other tool", "model", "who began", "who calls", "no tool", "everything"],
)
def test_a_hold_stops_what_it_names(held: Held, tool: str, stops: bool) -> None:
    assert held.stops({"desk", "clerk"}, {tool}) is stops


async def test_a_model_call_waits_while_a_tool_of_its_provider_is_held(rows: list[str]) -> None:
    tools: list[Tool] = [WebSearchTool(), function_tool(_refund, name_override="refund")]
    offered = made_by_provider(tools)
    scope, _ = _scope(Held("tool", "web_search", "ana", ""), REFUND)
    assert offered == {"web_search"}
    assert is_held(scope, "desk", offered)
    _tell(scope, REFUND)
    assert not is_held(scope, "desk", offered)
    await asyncio.wait_for(pass_holds(scope, "desk", offered=offered), 0.1)


async def test_a_held_call_waits_and_says_for_whom(rows: list[str]) -> None:
    scope, writer = _scope(REFUND)
    call = asyncio.create_task(pass_holds(scope, "desk", tool="refund", call_id="c"))
    await asyncio.sleep(0.02)
    everything = Held("everything", "", "ben", "drill")
    _tell(scope, everything, REFUND)
    await asyncio.sleep(0.02)
    assert scope.execution.time.stands_still
    _tell(scope)
    await asyncio.wait_for(call, 1)
    about = {"agent": "desk", "tool": "refund", "call_id": "c"}
    first = {"kind": "tool", "name": "refund", "by": "ana", "why": "it pays twice"}
    second = {"kind": "everything", "name": "", "by": "ben", "why": "drill"}
    assert writer.kinds == [
        ("hold.waiting", first | about),
        ("hold.waiting", second | about),
        ("hold.released", {"kind": "everything", "name": ""} | about),
    ]
    await scope.execution.time.written()
    assert rows == ["_stand_still", "_go_on"]


async def test_what_is_not_held_goes_on_at_once(rows: list[str]) -> None:
    scope, writer = _scope(REFUND)
    await asyncio.wait_for(pass_holds(scope, "desk", tool="lookup"), 0.1)
    assert (writer.kinds, rows) == ([], [])


async def test_where_nobody_could_look_calls_wait(rows: list[str]) -> None:
    scope, writer = _scope()
    scope.execution.holds.tell(Stopped(), time.monotonic() - 3)
    call = asyncio.create_task(pass_holds(scope, "desk"))
    await asyncio.sleep(0.02)
    assert not call.done()
    _tell(scope)
    await asyncio.wait_for(call, 1)
    assert (writer.kinds, rows) == ([], [])


async def test_a_cancelled_wait_ends_at_once(rows: list[str]) -> None:
    scope, _ = _scope(REFUND)
    call = asyncio.create_task(pass_holds(scope, "desk", tool="refund"))
    await asyncio.sleep(0.02)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_the_timer_stands_still_while_all_wait(rows: list[str]) -> None:
    spent, over = ExecutingTime("r", 1), asyncio.Event()
    spent.limit(0.05, over.set)
    with spent.waiting():
        await asyncio.sleep(0.1)
        assert not over.is_set()
    await asyncio.wait_for(over.wait(), 1)


async def test_the_timer_stands_still_while_the_disk_is_full(rows: list[str]) -> None:
    spent, over = ExecutingTime("r", 1), asyncio.Event()
    spent.limit(0.05, over.set)
    spent.lack_room(True)
    await asyncio.sleep(0.1)
    assert not over.is_set()
    assert not spent.stands_still  # What it has done is not written yet.
    spent.lack_room(False)
    await asyncio.wait_for(over.wait(), 1)


async def test_a_call_while_the_disk_is_full_is_executing_time(rows: list[str]) -> None:
    spent, over = ExecutingTime("r", 1), asyncio.Event()
    call_off = spent.limit(0.05, over.set)
    spent.lack_room(True)
    with spent.calling():
        await asyncio.wait_for(over.wait(), 1)
    call_off()
    await spent.written()


async def test_a_call_beside_one_that_waits_is_executing_time(rows: list[str]) -> None:
    spent, over = ExecutingTime("r", 1), asyncio.Event()
    call_off = spent.limit(0.05, over.set)
    with spent.waiting(), spent.calling():
        await asyncio.wait_for(over.wait(), 1)
    call_off()
    await spent.written()


async def test_a_timer_that_was_called_off_stays_so(rows: list[str]) -> None:
    spent, over = ExecutingTime("r", 1), asyncio.Event()
    call_off = spent.limit(0.02, over.set)
    with spent.waiting():
        call_off()
    await asyncio.sleep(0.05)
    assert not over.is_set()


@pytest.mark.django_db
def test_the_row_counts_what_was_executed_once() -> None:
    executing("r", since=10, executing_ms=500)
    for _ in range(2):
        _stand_still("r", 1, time.monotonic())
    run = Run.objects.get()
    assert 10_400 < run.executing_ms < 13_000
    assert run.executing_since is None
    _go_on("r", 1, time.monotonic() - 60)
    since = Run.objects.get().executing_since
    assert since is not None
    assert (database_now() - since).total_seconds() == pytest.approx(60, abs=3)
    _go_on("r", 1, time.monotonic())
    assert Run.objects.get().executing_since == since


@pytest.mark.django_db
def test_another_epoch_writes_nothing() -> None:
    before = executing("r", since=10)
    _stand_still("r", 2, time.monotonic())
    assert Run.objects.get().executing_since == before.executing_since

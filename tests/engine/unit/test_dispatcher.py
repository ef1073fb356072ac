"""The dispatcher's passes: what is handed over to DBOS, and how it is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from dbos import error as dbos_error
from django.db import OperationalError, transaction
from django.utils import timezone

from tests.engine.unit.rows import executing, handed_over, queue
from tests.services.rows import launched, standing, waiting_thread
from timestep.engine import direct
from timestep.engine import dispatcher as module
from timestep.engine.dispatcher import SLOW_POLL_SECONDS, Dispatcher
from timestep.engine.execution import Abort
from timestep.engine.fitness import Fitness
from timestep.engine.holds import Holds
from timestep.models import Run, RunStatus, Segment, SegmentKind, SegmentState, Worker
from timestep.services.resume import resume
from timestep.services.retry import retry

pytestmark = pytest.mark.django_db


class FakeDbos:
    """Remembers what was started and resumed; fails where it is told to."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, str, int]] = []
        self.resumed: list[tuple[str, str]] = []
        self.unknown: set[str] = set()
        self.failures = 0
        self._workflow_id = ""

    def named(self, workflow_id: str) -> FakeDbos:
        """Stands in for `SetWorkflowID`."""
        self._workflow_id = workflow_id
        return self

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._workflow_id = ""

    def start_workflow(self, _: Any, run_id: str, n: int) -> None:
        """Begin a segment's workflow."""
        if self.failures:
            self.failures -= 1
            raise OperationalError("away")
        self.begun.append((self._workflow_id, run_id, n))

    def resume_workflows(self, ids: list[str], *, queue_name: str) -> None:
        """Continue a parked workflow."""
        [workflow_id] = ids
        if workflow_id in self.unknown:
            raise dbos_error.DBOSNonExistentWorkflowError("workflow", workflow_id)
        self.resumed.append((workflow_id, queue_name))


class FakeExecutions:
    """The executions of this process."""

    def __init__(self, *run_ids: str) -> None:
        self._run_ids = list(run_ids)
        self.stopped: list[tuple[str, Abort]] = []
        self.holds = Holds()

    def run_ids(self) -> list[str]:
        """The runs that execute here."""
        return self._run_ids

    def stop(self, run_id: str, abort: Abort) -> None:
        """Stop one."""
        self.stopped.append((run_id, abort))


@pytest.fixture
def dbos(monkeypatch: pytest.MonkeyPatch) -> FakeDbos:
    fake = FakeDbos()
    monkeypatch.setattr(module, "DBOS", fake)
    monkeypatch.setattr(direct, "DBOS", fake)
    monkeypatch.setattr(direct, "SetWorkflowID", fake.named)
    return fake


def _dispatcher(executions: FakeExecutions | None = None) -> Dispatcher:
    nobody: Any = executions or FakeExecutions()
    wakeup: Any = None
    fitness = Fitness(lambda spec: "")
    return Dispatcher(Worker(worker_id="w-1"), "worker:w-1", nobody, fitness, wakeup)


def _states() -> dict[str, str]:
    return dict(Segment.objects.values_list("segment_id", "state"))


def test_a_launch_is_given_to_dbos_once_and_marked(dbos: FakeDbos) -> None:
    launched("r")
    dispatcher = _dispatcher()
    assert dispatcher._pass() == 0
    assert dispatcher._pass() == SLOW_POLL_SECONDS
    assert dbos.begun == [("r:0", "r", 0)]
    segment = Segment.objects.get()
    assert (segment.state, segment.worker) == (SegmentState.DISPATCHED, "w-1")
    assert segment.dispatched_at is not None
    assert Run.objects.get().status == RunStatus.QUEUED


def test_a_resume_is_started_and_a_retry_continued_before_any_launch(dbos: FakeDbos) -> None:
    launched("new")
    standing("r", RunStatus.AWAITING_APPROVAL, revision=1)
    resume("r", 1, [])
    standing("f", RunStatus.FAILED)
    retry("f", by="ana")
    dispatcher = _dispatcher()
    assert dispatcher._pass() == 0
    assert (dbos.begun, dbos.resumed) == ([("r:1", "r", 1)], [])
    assert dispatcher._pass() == 0
    assert dbos.resumed == [("f:0", "worker:w-1")]
    states = _states()
    assert (states["r:1"], states["f:0"], states["new:0"]) == ("dispatched", "dispatched", "ready")


def test_what_dbos_has_never_heard_of_is_started_instead_of_continued(dbos: FakeDbos) -> None:
    standing("f", RunStatus.FAILED)
    retry("f", by="ana")
    dbos.unknown = {"f:0"}
    _dispatcher()._pass()
    assert (dbos.resumed, dbos.begun) == ([], [("f:0", "f", 0)])


def test_a_retry_spends_no_start_of_the_window(dbos: FakeDbos) -> None:
    queue(limit=1)
    long_ago = timezone.now() - timedelta(hours=1)
    standing("f", RunStatus.FAILED)
    Segment.objects.update(dispatched_at=long_ago)
    retry("f", by="ana")
    launched("new")
    dispatcher = _dispatcher()
    assert dispatcher._pass() == 0
    dispatcher._pass()
    assert Segment.objects.get(run="f").dispatched_at == long_ago
    assert dbos.begun == [("new:0", "new", 0)]


def test_what_was_admitted_while_dbos_was_away_is_started_later(dbos: FakeDbos) -> None:
    launched("a")
    launched("b")
    dbos.failures = 1
    dispatcher = _dispatcher()
    with pytest.raises(OperationalError):
        dispatcher._pass()
    assert set(_states().values()) == {SegmentState.DISPATCHED}
    launched("c")
    assert [dispatcher._pass() for _ in range(3)] == [0, 0, SLOW_POLL_SECONDS]
    assert [begun[1] for begun in dbos.begun] == ["a", "b", "c"]


def test_a_full_window_is_waited_for(dbos: FakeDbos) -> None:
    queue(limit=1, period_seconds=60)
    handed_over("first", ago=59.7)
    launched("r")
    assert 0 < _dispatcher()._pass() <= 0.301
    assert dbos.begun == []


def test_cancels_are_brought_to_the_executions_of_this_process(dbos: FakeDbos) -> None:
    asked = timezone.now()
    executing("cancelled", cancel_requested_at=asked)
    executing("elsewhere", "w-2", cancel_requested_at=asked)
    executing("goes-on")
    executions = FakeExecutions("cancelled", "goes-on")
    _dispatcher(executions)._pass()
    assert executions.stopped == [("cancelled", Abort("cancelled"))]


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
def test_what_another_dispatcher_hands_over_is_skipped(dbos: FakeDbos) -> None:
    standing("f", RunStatus.FAILED)
    retry("f", by="ana")
    with transaction.atomic():
        Segment.objects.select_for_update().get()
        other = waiting_thread(_dispatcher()._pass)
        other.join(5)
        assert not other.is_alive()
        assert dbos.resumed == []
    _dispatcher()._pass()
    assert dbos.resumed == [("f:0", "worker:w-1")]
    assert Segment.objects.get().kind == SegmentKind.CONTINUE

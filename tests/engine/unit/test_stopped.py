"""What people have stopped: as a dispatcher sees it, and what it leaves where it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from tests.engine.unit.rows import queue
from tests.services.rows import launched, spec
from tests.workflows.rows import worker
from timestep.engine import admission, direct
from timestep.engine.admission import Taker
from timestep.engine.holds import Held, Holds, Stopped
from timestep.engine.looks import look
from timestep.engine_version import ENGINE_VERSION
from timestep.models import Run, Segment, SegmentKind, Worker
from timestep.services.audit import Actor
from timestep.services.holds import place
from timestep.services.queues import pause, set_limits, unpause
from timestep.services.workers import drain

pytestmark = pytest.mark.django_db
ANA = Actor("ana", "page")
KINDS = pytest.mark.parametrize("kind", list(SegmentKind), ids=str)


def _given(kind: SegmentKind, stopped: Stopped, at_home: frozenset[str] = frozenset()) -> list[str]:
    """The runs that a worker would go on with, all ready segments being of this kind."""
    Segment.objects.update(kind=kind)
    anybody = Taker("w-1", stopped=stopped, at_home=at_home)
    with transaction.atomic():
        ways: dict[SegmentKind, Callable[[], object]] = {
            SegmentKind.START: lambda: admission.startable(anybody),
            SegmentKind.RESUME: lambda: admission.resumes(anybody),
            SegmentKind.CONTINUE: lambda: admission.continuations(anybody),
        }
        found: list[Segment] = list(ways[kind]())  # type: ignore[call-overload]
    return sorted(segment.run_id for segment in found)


def test_one_statement_tells_what_is_ready_and_what_is_stopped(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    launched("a")
    launched("b", queue="mail")
    for name in ("w-1", "w-2"):
        worker(name)
    place("agent", "desk", by=ANA, why="x")
    place("everything", "", by=ANA, why="y")
    pause("mail", by=ANA, why="z")
    drain("w-1", by=ANA)
    set_limits("direct", {"limit": 5}, by=ANA)
    with django_assert_num_queries(1):
        seen = look("w-1")
    held = (Held("everything", "", "ana", "y"), Held("agent", "desk", "ana", "x"))
    assert seen.specs == {spec().digest}
    assert seen.stopped == Stopped(held, frozenset({"mail"}), limited=True, draining=True)
    assert not look("w-2").stopped.draining


def test_nothing_is_stopped_by_itself() -> None:
    queue("direct")
    worker("w-1")
    assert look("w-1").stopped == Stopped()


@KINDS
def test_a_paused_queue_holds_starts_resumes_and_what_goes_on(kind: SegmentKind) -> None:
    for name in ("mail", "post"):
        queue(name)
        launched(name, queue=name)
    pause("mail", by=ANA, why="x")
    assert _given(kind, look("w-1").stopped) == ["post"]
    unpause("mail", by=ANA)
    assert _given(kind, look("w-1").stopped) == ["mail", "post"]


def test_a_pause_counts_that_came_after_the_look() -> None:
    queue("mail")
    launched("r", queue="mail")
    before = look("w-1").stopped
    pause("mail", by=ANA, why="x")
    assert _given(SegmentKind.START, before) == []


@KINDS
def test_runs_of_held_agents_stay_where_they_are(kind: SegmentKind) -> None:
    launched("a", agent="desk")
    launched("b", agent="clerk")
    place("agent", "desk", by=ANA, why="x")
    assert _given(kind, look("w-1").stopped) == ["b"]


@KINDS
def test_who_drains_takes_only_what_nobody_else_can(kind: SegmentKind) -> None:
    launched("anybodys")
    launched("own", reserved_for="w-1")
    assert _given(kind, Stopped(draining=True)) == ["own"]
    home = frozenset({spec().digest})
    assert _given(kind, Stopped(draining=True), at_home=home) == ["anybodys", "own"]


@pytest.mark.parametrize(
    ("version", "begun", "given"),
    [(-1, False, True), (-1, True, False), (0, True, True), (1, False, False)],
    ids=["older", "older and begun", "ours", "newer"],
)
def test_a_run_of_an_older_engine_is_begun_and_one_of_a_newer_is_not(
    version: int, begun: bool, given: bool
) -> None:
    run = launched("r")
    started = run.created_at if begun else None
    Run.objects.update(engine_version=ENGINE_VERSION + version, started_at=started)
    assert _given(SegmentKind.START, Stopped()) == (["r"] if given else [])


@pytest.mark.parametrize(
    ("stopped", "may"),
    [
        (Stopped(), True),
        (Stopped(draining=True), True),
        (Stopped(limited=True), False),
        (Stopped(paused=frozenset({"direct"})), False),
        (Stopped(holds=(Held("tool", "pay", "ana", "x"),)), False),
        (None, False),
    ],
    ids=["nothing", "draining", "limited", "paused", "held", "nobody looked"],
)
def test_a_program_begins_by_itself_where_nothing_has_to_be_asked(
    stopped: Stopped | None, may: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "stopped_here", lambda: stopped)
    assert direct.may_take() is may


def test_a_look_is_good_for_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    holds, now = Holds(), 100.0
    assert (holds.latest(), holds.stale()) == (None, False)
    holds.tell(Stopped(draining=True), now)
    for later, known in ((0.0, True), (1.9, True), (2.1, False)):
        monkeypatch.setattr("timestep.engine.holds.time.monotonic", lambda at=now + later: at)
        assert (holds.latest() is not None, holds.stale()) == (known, not known)
    assert Worker.objects.count() == 0

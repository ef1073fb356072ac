"""A process whose own clock is two hours fast: what it starts, counts and leaves to others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import transaction
from django.utils import timezone

from tests.engine.unit.conftest import FakeDbos
from tests.engine.unit.rows import executing, handed_over, queue
from tests.services.rows import launched, spec, standing
from tests.workflows.rows import worker
from timestep.engine import admission, direct
from timestep.engine.admission import Taker
from timestep.engine.claims import Ending, claim, end
from timestep.engine.executing_time import _stand_still
from timestep.engine.heartbeat import sweep
from timestep.models import DIRECT_QUEUE, Run, RunStatus, Segment
from timestep.services.cancel import cancel
from timestep.services.database_clock import database_now
from timestep.services.launch import checked_run, insert_runs
from timestep.services.resume import resume

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("dbos", "gate")]
TWO_HOURS = timedelta(hours=2)
own_clock = timezone.now


@contextmanager
def fast() -> Iterator[None]:
    """In here, this process takes it to be two hours later than it is."""
    with patch("django.utils.timezone.now", lambda: own_clock() + TWO_HOURS):
        yield


def startable(taker: Taker | None = None) -> list[str]:
    """What it may start."""
    with transaction.atomic():
        return [one.run_id for one in admission.startable(taker or Taker("w-1"))]


def is_now(moment: datetime | None) -> bool:
    """Whether it is of the last minute, by the database's clock."""
    return moment is not None and timedelta() <= database_now() - moment < timedelta(minutes=1)


def test_a_delayed_run_does_not_start_early() -> None:
    queue()
    launched("r", delayed_until=database_now() + timedelta(hours=1))
    with fast():
        assert startable() == []
        assert admission.seconds_until_room(Taker("w-1")) == pytest.approx(3600, abs=60)


def test_a_delayed_run_of_a_session_holds_up_nobody_early() -> None:
    queue()
    launched("later", session_id="s", delayed_until=database_now() + timedelta(hours=1))
    launched("now", session_id="s")
    with fast():
        assert startable() == ["now"]


def test_a_rate_window_does_not_open_early() -> None:
    queue(limit=1, period_seconds=3600)
    handed_over("before", ago=600)
    launched("r")
    with fast():
        assert startable() == []
        assert admission.seconds_until_room(Taker("w-1")) == pytest.approx(3000, abs=60)


def test_a_script_leaves_workers_their_time() -> None:
    queue()
    launched("r")
    script = Taker("w-1", own_only=True, of_programs=frozenset({spec().pk}))
    with fast():
        assert startable(script) == []
    Segment.objects.update(created_at=database_now() - timedelta(seconds=3))
    assert startable(script) == ["r"]


def test_what_it_begins_counts_from_now() -> None:
    worker("w-1")
    launched("r", queue=DIRECT_QUEUE, reserved_for="w-1")
    with fast():
        assert direct.take("r", "w-1")
        claim("r", 0, "w-1", executes=False)
    run, segment = Run.objects.get(), Segment.objects.get()
    times = (run.started_at, run.executing_since, segment.dispatched_at, segment.started_at)
    assert all(map(is_now, times))


def _ends() -> None:
    end("r", 0, 1, Ending(RunStatus.SUCCEEDED, False, {}))


def _waits() -> None:
    _stand_still("r", 1, 0.0)


def _swept() -> None:
    assert sweep("w-2", "w-1") == 1


@pytest.mark.parametrize("act", [_ends, _waits, _swept])
def test_no_hours_are_counted_that_did_not_pass(act: Callable[[], None], dbos: FakeDbos) -> None:
    worker("w-2")
    executing("r", "w-2", since=30)
    with fast(), patch("timestep.engine.executing_time.time.monotonic", lambda: 0.0):
        act()
    run = Run.objects.get()
    assert 25_000 < run.executing_ms < 60_000
    assert run.finished_at is None or is_now(run.finished_at)


def _one(run_id: str) -> None:
    launched(run_id)


def _many(run_id: str) -> None:
    insert_runs([checked_run(spec=spec(), input="hello", agent="desk", run_id=run_id)])


@pytest.mark.parametrize("launch", [_one, _many])
def test_what_it_launches_has_its_turn_before_what_comes_later(launch: Any) -> None:
    queue()
    with fast():
        launch("z-first")
    launched("a-second")
    assert startable() == ["z-first", "a-second"]


def test_what_it_decides_and_cancels_has_the_time_of_the_database() -> None:
    run = standing("r", RunStatus.AWAITING_APPROVAL)
    with fast():
        resume("r", run.revision, [])
        cancel("r", by="ana")
    run = Run.objects.get()
    assert is_now(run.segments.get(n=1).created_at)
    assert is_now(run.finished_at)
    assert is_now(run.cancel_requested_at)

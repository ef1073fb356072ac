"""Which runs of a schedule wait for those before them: the overlap rules of the admission."""

from __future__ import annotations

import pytest
from django.db import transaction

from tests.services.rows import launched, standing
from timestep.engine import admission
from timestep.engine.admission import Taker
from timestep.models import ENDED_STATUSES, Overlap, RunStatus, Schedule

pytestmark = pytest.mark.django_db
WAITING = [Overlap.QUEUE, Overlap.CANCEL_RUNNING]


def _schedule(overlap: str) -> None:
    Schedule.objects.create(name="s", agent="desk", input="x", cron="* * * * *", overlap=overlap)


def _standing(run_id: str, status: RunStatus) -> None:
    run = standing(run_id, status)
    run.schedule = "s"
    run.save()


def _startable() -> list[str]:
    with transaction.atomic():
        return [segment.run_id for segment in admission.startable(Taker("w-1"))]


@pytest.mark.parametrize("overlap", WAITING)
def test_of_a_schedule_whose_rule_is_to_wait_only_the_oldest_run_starts(overlap: str) -> None:
    _schedule(overlap)
    for run_id in ("b", "a"):
        launched(run_id, schedule="s")
    launched("c", schedule="other")
    launched("d")
    assert _startable() == ["b", "c", "d"]


@pytest.mark.parametrize("overlap", [Overlap.ALLOW, Overlap.SKIP])
def test_other_rules_hold_nothing_here(overlap: str) -> None:
    _schedule(overlap)
    for run_id in ("b", "a"):
        launched(run_id, schedule="s")
    assert _startable() == ["b", "a"]


@pytest.mark.parametrize("overlap", WAITING)
@pytest.mark.parametrize("status", [RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL])
def test_what_runs_or_waits_for_people_holds_the_next(overlap: str, status: RunStatus) -> None:
    _schedule(overlap)
    _standing("before", status)
    launched("next", schedule="s")
    assert _startable() == []


@pytest.mark.parametrize("status", ENDED_STATUSES)
def test_the_end_of_one_lets_the_next_start(status: RunStatus) -> None:
    _schedule(Overlap.QUEUE)
    _standing("before", status)
    launched("next", schedule="s")
    assert _startable() == ["next"]

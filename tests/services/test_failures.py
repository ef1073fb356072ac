"""Schedules that pause themselves after so many failures in a row."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals.models import AuditEntry
from tests.services.schedules import ANA, due_since
from tests.workflows.rows import agent
from tests.workflows.rows import run as make_run
from timestep.models import Run, Schedule, Tick
from timestep.services import failures
from timestep.services.schedules import resume
from timestep.services.ticking import fire_due
from workflows.services.definitions import save_definition

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def watched(monkeypatch: pytest.MonkeyPatch) -> Schedule:
    monkeypatch.setattr(failures, "_LOOKS", failures._Looks())
    agent("desk")
    return due_since(-3600, pause_after_failures=2)


def ended(*statuses: str) -> None:
    """Runs of the schedule that ended so, in this order."""
    for number, status in enumerate(statuses, Run.objects.count()):
        error = {"message": "the sk-abcdefghijklmnop1234 key is wrong"}
        make_run(
            f"run-{number}",
            schedule="nightly",
            status=status,
            finished_at=timezone.now(),
            error=error,
        )


@pytest.mark.parametrize(
    ("statuses", "paused"),
    [
        (("failed",), False),
        (("failed", "timed_out"), True),
        (("failed", "cancelled", "failed"), True),
        (("failed", "running", "failed"), True),
        (("failed", "succeeded", "failed"), False),
        (("failed", "failed", "succeeded"), False),
        (("succeeded", "failed", "failed"), True),
    ],
)
def test_failures_in_a_row_pause(statuses: tuple[str, ...], *, paused: bool) -> None:
    ended(*statuses)
    assert failures.pause_failing() == failures.EVERY_SECONDS
    assert Schedule.objects.get().paused is paused


def test_the_pause_says_what_failed_and_is_recorded() -> None:
    ended("failed", "failed")
    failures.pause_failing()
    schedule = Schedule.objects.get()
    assert (schedule.paused_by, schedule.next_at) == ("the clock", None)
    assert schedule.paused_why.startswith("2 failures in a row, the last: run run-1 failed: the ")
    assert "abcdefgh" not in schedule.paused_why
    entry = AuditEntry.objects.latest("number")
    assert (entry.actor, entry.act, entry.subject) == (
        "the clock", "schedule.paused", "schedule:nightly",
    )  # fmt: skip


def test_after_resuming_the_count_begins_anew() -> None:
    ended("failed", "failed")
    failures.pause_failing()
    resume("nightly", by=ANA)
    failures._LOOKS.next = 0
    ended("failed")
    failures.pause_failing()
    assert Schedule.objects.get().paused is False


def test_nothing_is_launched_after_too_many_failures(watched: Schedule) -> None:
    ended("failed", "failed")
    Schedule.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    fire_due()
    assert Schedule.objects.get().paused is True
    assert not Tick.objects.exists()


def test_launches_that_fail_count_as_well() -> None:
    save_definition({"slug": "desk", "active": False})
    for _ in range(3):
        Schedule.objects.filter(paused=False).update(next_at=timezone.now())
        fire_due()
    assert [tick.outcome for tick in Tick.objects.all()] == ["failed", "failed"]
    assert "is inactive" in Schedule.objects.get().paused_why


def test_it_looks_only_now_and_then() -> None:
    failures.pause_failing()
    ended("failed", "failed")
    left = failures.pause_failing()
    assert left is not None
    assert 0 < left <= failures.EVERY_SECONDS
    assert Schedule.objects.get().paused is False

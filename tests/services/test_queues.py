"""Queues: limits, pauses, and their end; each change is in the audit trail."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.models import AuditEntry
from tests.services.rows import launched, standing
from timestep.errors import InvalidInput, QueueInUse, QueueNotFound
from timestep.models import Queue, Run, RunStatus, Schedule
from timestep.services import queues
from timestep.services.audit import Actor

pytestmark = pytest.mark.django_db
ANA = Actor("ana", "page")


def acts() -> list[tuple[str, str, dict[str, Any]]]:
    """What the audit trail holds."""
    rows = AuditEntry.objects.order_by("number")
    return [(row.act, row.subject, row.payload or {}) for row in rows]


def test_limits_that_change_are_recorded_with_what_was_before() -> None:
    queues.create("mail", {"limit": 5}, by=ANA)
    queues.set_limits("mail", {"limit": 5}, by=ANA)
    made = queues.set_limits("mail", {"limit": None, "period": 1.5}, by=ANA)
    assert (made.limit, made.period_seconds) == (None, 1.5)
    changed = {"limit": None, "period": "1.5", "limit_before": 5, "period_before": "60"}
    assert acts() == [
        ("queue.create", "queue:mail", {"limit": 5}),
        ("queue.limits", "queue:mail", changed),
    ]


@pytest.mark.parametrize("make", [queues.create, queues.set_limits])
def test_the_queue_of_programs_has_no_rate_unless_given_one(make: Any) -> None:
    made = make("direct", {"concurrency": 3}, by=ANA)
    assert (made.limit, made.concurrency) == (None, 3)
    assert queues.set_limits("direct", {"limit": 7}, by=ANA).limit == 7


def test_a_queue_is_made_once() -> None:
    queues.create("mail", {}, by=ANA)
    with pytest.raises(InvalidInput, match="already"):
        queues.create("mail", {}, by=ANA)


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"period": 1e300}, "period"),
        ({"period": 0}, "period"),
        ({"limit": -1}, "limit"),
        ({"concurrency": True}, "concurrency"),
        ({"speed": 1}, "speed"),
    ],
)
def test_what_is_no_limit_changes_nothing(limits: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        queues.set_limits("mail", limits, by=ANA)
    assert raised.value.field == field
    assert (Queue.objects.count(), acts()) == (0, [])


def test_a_pause_has_a_reason_and_stays_until_it_is_ended() -> None:
    queues.create("mail", {}, by=ANA)
    queues.pause("mail", by=ANA, why=" the mail server is away ")
    again = queues.pause("mail", by=Actor("ben", "page"), why="other")
    assert (again.paused, again.paused_by, again.paused_why) == (
        True,
        "ana",
        "the mail server is away",
    )
    assert not queues.unpause("mail", by=ANA).paused
    assert not queues.unpause("mail", by=ANA).paused
    assert [act for act, _, _ in acts()] == ["queue.create", "queue.pause", "queue.unpause"]


@pytest.mark.parametrize("why", ["", "  ", "\x00" * 301, "x" * 301])
def test_a_pause_without_a_reason_is_refused(why: str) -> None:
    queues.create("mail", {}, by=ANA)
    with pytest.raises(InvalidInput, match="why"):
        queues.pause("mail", by=ANA, why=why)
    assert not Queue.objects.get(name="mail").paused


def test_a_queue_can_be_paused_before_anything_is_launched_into_it() -> None:
    assert queues.pause("planned", by=ANA, why="later").limit == 50
    launched("r", queue="planned")
    assert queues.unpause("planned", by=ANA).paused is False
    with pytest.raises(InvalidInput, match="queue"):
        queues.pause("no name", by=ANA, why="later")


@pytest.mark.parametrize("act", [queues.unpause, queues.delete])
def test_what_is_no_queue_is_not_found(act: Any) -> None:
    with pytest.raises(QueueNotFound):
        act("nowhere", by=ANA)
    assert not Queue.objects.exists()


@pytest.mark.parametrize(
    "status", [RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL]
)
def test_a_queue_with_work_in_it_is_not_deleted(status: RunStatus) -> None:
    standing("r", status, queue="mail")
    with pytest.raises(QueueInUse, match="1 run in it has not ended; pause it and move or cancel"):
        queues.delete("mail", by=ANA)
    assert Queue.objects.filter(name="mail").exists() or Run.objects.get().queue == "mail"
    assert acts() == []


def test_a_queue_is_deleted_once_its_work_has_ended_and_no_schedule_names_it() -> None:
    standing("r", RunStatus.SUCCEEDED, queue="mail")
    given = {"name": "nightly", "agent": "desk", "cron": "0 3 * * *", "input": "hello"}
    schedule = Schedule.objects.create(queue="mail", **given)
    with pytest.raises(QueueInUse, match="schedule nightly launches into it"):
        queues.delete("mail", by=ANA)
    schedule.delete()
    queues.delete("mail", by=ANA)
    assert not Queue.objects.exists()
    assert [(act, subject) for act, subject, _ in acts()] == [("queue.delete", "queue:mail")]


@pytest.mark.parametrize("name", ["default", "direct"])
def test_the_two_queues_that_are_always_there_stay(name: str) -> None:
    launched("r", queue=name)
    Run.objects.update(status=RunStatus.SUCCEEDED)
    with pytest.raises(QueueInUse, match="pause it instead"):
        queues.delete(name, by=ANA)

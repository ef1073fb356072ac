"""Operating from the command line: queues, model limits, holds, workers and schedules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management.base import CommandError

from approvals.models import AuditEntry
from tests.services.rows import launched
from tests.workflows.rows import agent, worker
from tests.workflows.test_commands import error_of, output, printed
from timestep.models import Hold, ModelLimit, Queue, Run, Schedule, Worker
from timestep.services.schedules import save_schedule
from workflows.management.edge import os_user

pytestmark = pytest.mark.django_db
NIGHTLY = {"name": "nightly", "agent": "desk", "cron": "0 3 * * *", "input": "hello"}


def acts() -> list[str]:
    """What the audit trail has of whoever runs the tests."""
    entries = AuditEntry.objects.filter(actor=os_user(), via="command line").order_by("number")
    return list(entries.values_list("act", flat=True))


def nightly(**more: Any) -> Schedule:
    """A schedule of an agent that there is."""
    agent("desk")
    return save_schedule(NIGHTLY | more)


def test_queues_are_listed_and_changed() -> None:
    launched("r", queue="mail")
    changed = printed("queues", "limits", "mail", "--limit", "none", "--worker-concurrency", "3")
    assert printed("queues") == [changed]
    assert (changed["limit"], changed["worker_concurrency"], changed["waiting"]) == (None, 3, 1)
    paused = printed("queues", "pause", "mail", "--reason", "down\x1b[2J")
    assert (paused["paused_by"], paused["paused_why"]) == (os_user(), "down\x1b[2J")
    assert "\x1b" not in output("queues")
    assert printed("queues", "resume", "mail")["paused_at"] is None
    assert "1 run in it has not ended" in str(error_of("queues", "delete", "mail"))
    Run.objects.all().delete()
    assert printed("queues", "delete", "mail") == {"name": "mail", "deleted": True}
    assert acts() == ["queue.create", "queue.pause", "queue.unpause", "queue.delete"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["limits", "mail"], 2, "at least one of --limit"),
        (["limits", "mail", "--limit", "-1"], 1, "limit"),
        (["limits", "no name", "--limit", "1"], 1, "queue"),
        (["pause", "nowhere", "--reason", "x"], 1, "nowhere"),
        (["resume", "nowhere"], 1, "nowhere"),
        (["pause", "default", "--reason", " "], 1, "why"),
    ],
)
def test_what_cannot_be_done_to_a_queue_is_one_line(words: list[str], code: int, said: str) -> None:
    launched("r")
    error = error_of("queues", *words)
    assert (error.returncode, said in str(error)) == (code, True)
    assert not Queue.objects.exists()


@pytest.mark.parametrize("words", [["limits", "mail", "--limit", "many"], ["pause", "mail"]])
def test_arguments_that_are_none_are_refused(words: list[str]) -> None:
    with pytest.raises(CommandError):
        output("queues", *words)


def test_the_emergency_stop_is_placed_and_released() -> None:
    placed = printed("holds", "place", "tool", "refund", "--reason", "twice")
    assert printed("holds") == [placed]
    assert "refund  held since" in output("holds")
    released = printed("holds", "release", str(placed["id"]), "--reason", "mended")
    assert (released["released_by"], released["released_why"]) == (os_user(), "mended")
    assert printed("holds") == []
    assert acts() == ["hold.place", "hold.release"]


@pytest.mark.parametrize(
    "words",
    [
        ["place", "everything", "shop", "--reason", "x"],
        ["place", "agent", "--reason", "x"],
        ["place", "everything", "--reason", " "],
        ["release", "7", "--reason", "x"],
        ["release", str(2**70), "--reason", "x"],
    ],
)
def test_what_cannot_be_held_changes_nothing(words: list[str]) -> None:
    assert error_of("holds", *words).returncode == 1
    assert not Hold.objects.exists()


def test_model_limits_are_set_changed_and_lifted() -> None:
    made = printed("limits", "set", "gpt-4.1", "--requests", "60")
    assert (made["pattern"], made["requests"], made["tokens"]) == ("openai/gpt-4.1", 60, None)
    changed = printed("limits", "set", "openai/gpt-4.1", "--tokens", "1000")
    assert (changed["requests"], changed["tokens"]) == (None, 1000)
    assert printed("limits") == [changed]
    assert "0 of 1000 tokens in a minute" in output("limits")
    assert printed("limits", "delete", "gpt-4.1") == changed
    assert printed("limits") == []
    assert acts() == [f"model_limit.{act}" for act in ("create", "change", "delete")]
    for words in (["set", "demo/", "--tokens", "1"], ["set", "m"], ["delete", "m"]):
        assert error_of("limits", *words).returncode == 1
    assert not ModelLimit.objects.exists()


def test_workers_are_listed_and_drained() -> None:
    worker("w-1", queues=["mail"])
    assert "takes from mail" in output("workers")
    assert [one["worker_id"] for one in printed("workers")] == ["w-1"]
    assert printed("workers", "drain", "w-1")["drain_asked_by"] == os_user()
    assert "drains" in output("workers")
    assert printed("workers", "undrain", "w-1")["drain_asked_at"] is None
    assert "nobody" in str(error_of("workers", "drain", "nobody"))
    assert acts() == ["worker.drain", "worker.undrain"]
    Worker.objects.update(stopped_at=datetime.now(UTC))
    assert printed("workers") == []


def test_schedules_are_listed_paused_and_run() -> None:
    nightly()
    assert "Every day at 03:00" in output("schedules")
    paused = printed("schedules", "pause", "nightly", "--reason", "closed")
    assert (paused["state"], paused["paused_why"]) == ("paused", "closed")
    run = printed("schedules", "run", "nightly")
    assert Run.objects.get().run_id == run["run_id"]
    assert Run.objects.get().launched_from == f"cli:{os_user()}"
    assert printed("schedules", "resume", "nightly")["state"] == "active"
    assert acts() == ["schedule.paused", "schedule.run", "schedule.resumed"]
    assert "say why" in str(error_of("schedules", "pause", "nightly", "--reason", " "))
    for action in ("run", "resume"):
        assert "nowhere" in str(error_of("schedules", action, "nowhere"))


def test_a_backfill_is_listed_before_it_is_launched() -> None:
    nightly(timezone="Europe/Lisbon")
    words = ("backfill", "nightly", "--start", "2026-03-01T00:00", "--end", "2026-03-03T00:00")
    times = printed("schedules", *words, "--dry-run")
    assert times == ["2026-03-01T03:00:00+00:00", "2026-03-02T03:00:00+00:00"]
    assert not Run.objects.exists()
    assert [run["status"] for run in printed("schedules", *words)] == ["queued", "queued"]
    assert printed("schedules", *words) == []
    assert acts() == ["schedule.backfilled"]
    for wrong in ("soon", "2999-01-01T00:00"):
        words = ("backfill", "nightly", "--start", "2026-03-01T00:00", "--end", wrong)
        assert error_of("schedules", *words).returncode == 1

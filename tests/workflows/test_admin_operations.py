"""Queues, workers and holds in the admin."""

from __future__ import annotations

import pytest
from django.test import Client

from approvals.models import AuditEntry
from tests.services.rows import launched
from tests.workflows.rows import worker
from timestep.models import Hold, Queue, Run, Worker
from timestep.services import holds
from timestep.services.audit import Actor

pytestmark = pytest.mark.django_db
BASE = "/admin/timestep"
LIMITS = {"limit": "5", "period_seconds": "60", "concurrency": "", "worker_concurrency": ""}


def act(client: Client, model: str, action: str, key: object, **more: str) -> str:
    sent = {"action": action, "_selected_action": [str(key)], **more}
    answer = client.post(f"{BASE}/{model}/", sent, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def _acts() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("number").values_list("act", "via"))


def test_queues_are_made_changed_and_deleted_through_the_service(admin_client: Client) -> None:
    made = admin_client.post(f"{BASE}/queue/add/", {"name": "mail", **LIMITS})
    assert made.status_code == 302
    wrong = admin_client.post(f"{BASE}/queue/mail/change/", {**LIMITS, "period_seconds": "0"})
    assert b"a number of seconds above 0" in wrong.content
    admin_client.post(f"{BASE}/queue/mail/change/", {**LIMITS, "limit": ""})
    assert Queue.objects.get().limit is None
    admin_client.post(f"{BASE}/queue/mail/delete/", {"post": "yes"})
    assert not Queue.objects.exists()
    assert _acts() == [(f"queue.{one}", "admin") for one in ("create", "limits", "delete")]


def test_a_queue_with_work_in_it_is_not_deleted(admin_client: Client) -> None:
    Queue.objects.create(name="mail")
    launched("r", queue="mail")
    address = f"{BASE}/queue/mail/delete/"
    html = admin_client.post(address, {"post": "yes"}, follow=True).content.decode()
    assert "cannot be deleted" in html
    assert "was deleted successfully" not in html
    act(admin_client, "queue", "delete_selected", "mail", post="yes")
    assert Queue.objects.exists()
    Run.objects.update(queue="default")
    act(admin_client, "queue", "delete_selected", "mail", post="yes")
    assert not Queue.objects.exists()


def test_pausing_asks_why(admin_client: Client) -> None:
    Queue.objects.create(name="mail")
    assert 'name="why"' in act(admin_client, "queue", "pause_selected", "mail")
    assert not Queue.objects.get().paused
    act(admin_client, "queue", "pause_selected", "mail", sent="Pause", why="down")
    assert (Queue.objects.get().paused_by, Queue.objects.get().paused_why) == ("admin", "down")
    assert "Resumed mail." in act(admin_client, "queue", "resume_selected", "mail")
    assert not Queue.objects.get().paused


def test_workers_are_drained(admin_client: Client) -> None:
    worker("w-1")
    assert "Draining w-1." in act(admin_client, "worker", "drain_selected", "w-1")
    assert Worker.objects.get().drain_asked_by == "admin"
    act(admin_client, "worker", "undrain_selected", "w-1")
    assert Worker.objects.get().drain_asked_at is None


def test_releasing_asks_why(admin_client: Client) -> None:
    hold = holds.place("tool", "refund", by=Actor("ana", "page"), why="twice")
    act(admin_client, "hold", "release_selected", hold.pk)
    assert Hold.objects.get().released_at is None
    act(admin_client, "hold", "release_selected", hold.pk, sent="Release", why="mended")
    assert Hold.objects.get().released_why == "mended"

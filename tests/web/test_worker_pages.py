"""Workers in the browser: who is alive, what each executes, draining, and versions side by side."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from approvals.models import AuditEntry
from tests.services.rows import launched, standing
from tests.web.sure import SURE
from tests.workflows.rows import worker
from timestep.models import Run, RunStatus, Worker
from workflows.selectors.versions import version_lines

pytestmark = pytest.mark.django_db


def test_the_list_says_how_each_is(owner: Client) -> None:
    worker("w-alive")
    worker("w-draining", drain_asked_at=timezone.now(), drain_asked_by="bo")
    worker("w-silent", silent=60)
    worker("w-stopped", silent=60, stopped_at=timezone.now())
    standing("r", RunStatus.RUNNING, owner="w-draining")
    html = owner.get("/workers/").content.decode()
    for state in ("alive", "draining", "silent", "stopped"):
        assert f"st-worker-{state}" in html
    assert html.index("w-alive") < html.index("Ended within a day") < html.index("w-silent")


def test_nobody_alive_is_said(owner: Client) -> None:
    assert b"No worker is alive" in owner.get("/workers/").content


def test_the_page_of_one_shows_what_it_executes(owner: Client) -> None:
    worker("w-1", tools=["<b>lookup</b>"], providers={"openai": False})
    standing("r", RunStatus.RUNNING, owner="w-1")
    standing("other", RunStatus.RUNNING, owner="w-2")
    html = owner.get("/workers/w-1/").content.decode()
    assert "/runs/r/" in html
    assert "/runs/other/" not in html
    assert "<b>lookup</b>" not in html
    assert "openai (no key)" in html
    assert owner.get("/workers/nobody/").status_code == 404
    assert owner.get("/workers/%00/").status_code == 404


def test_what_it_takes_from_is_shown_and_what_nobody_takes_from_is_said(owner: Client) -> None:
    worker("w-1", queues=["mail", "slow"])
    for path in ("/workers/", "/workers/w-1/"):
        assert b"mail, slow" in owner.get(path).content
    launched("r")
    launched("s", queue="mail")
    said = b"No living worker takes from this queue"
    assert said in owner.get("/queues/default/").content
    assert said not in owner.get("/queues/mail/").content
    Worker.objects.update(queues=[])
    assert said not in owner.get("/queues/default/").content


def test_draining_and_taking_work_again(owner: Client) -> None:
    worker("w-1")
    assert owner.post("/workers/w-1/drain/", SURE).status_code == 302
    assert Worker.objects.get().drain_asked_by == "owner"
    assert b"drained" in owner.get("/workers/w-1/").content
    assert owner.post("/workers/w-1/undrain/", {"back": "/workers/"})["Location"] == "/workers/"
    assert Worker.objects.get().drain_asked_at is None
    acts = AuditEntry.objects.order_by("number").values_list("act", flat=True)
    assert list(acts) == ["worker.drain", "worker.undrain"]
    for name in ("nobody", "%00"):
        for act in ("drain", "undrain"):
            assert owner.post(f"/workers/{name}/{act}/").status_code == 404


def test_versions_say_what_waits_for_whom(owner: Client) -> None:
    worker("w-2", engine_version=2)
    assert version_lines() == []
    for name, begun in (("begun", True), ("waiting", False)):
        launched(name)
        at = timezone.now() if begun else None
        Run.objects.filter(pk=name).update(engine_version=1, started_at=at)
    old, new = version_lines()
    assert (old.version, old.begun, old.waiting, old.stuck) == (1, 1, 1, 1)
    assert (new.version, new.own, new.stuck) == (2, 1, 0)
    html = owner.get("/workers/").content.decode()
    assert "waits for a worker of this version" in html
    worker("w-3", engine_version=3, replays=[1])
    assert version_lines()[0].stuck == 0

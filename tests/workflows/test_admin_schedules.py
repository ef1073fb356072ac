"""Schedules in the admin: what asks first, what is recorded, and whose agents they may launch."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals.models import AuditEntry
from tests.access.people import keep
from tests.services.schedules import BASE
from tests.workflows.rows import agent
from tests.workflows.test_admin import SCHEDULE, act, address, signed_in
from timestep.models import Run, Schedule, Tick
from timestep.services.schedules import save_schedule

pytestmark = pytest.mark.django_db
RANGE = {"start": "2026-01-01T00:00", "end": "2026-01-03T12:00"}
NIGHTLY = ("timestep_schedule", "backfill_selected", "nightly")


@pytest.fixture(autouse=True)
def nightly() -> Schedule:
    agent("desk")
    return save_schedule({**BASE, "timezone": "Europe/Berlin"})


def test_pausing_asks_why(admin_client: Client) -> None:
    page = act(admin_client, "timestep_schedule", "pause_selected", "nightly")
    assert 'name="why"' in page
    page = act(admin_client, "timestep_schedule", "pause_selected", "nightly", sent="Pause")
    assert "This field is required" in page
    assert not Schedule.objects.get().paused


def test_backfilling_lists_first_and_launches_what_was_listed(admin_client: Client) -> None:
    assert "List what would run" in act(admin_client, *NIGHTLY)
    page = act(admin_client, *NIGHTLY, sent="List", **RANGE)
    assert "nightly: 3 would run" in page
    assert "<li>2026-01-02 03:00:00 CET</li>" in page
    other = {**RANGE, "listed": "another range"}
    assert "3 would run" in act(admin_client, *NIGHTLY, sent="Launch", **other)
    assert Run.objects.count() == 0
    listed = {**RANGE, "listed": f"{RANGE['start']} {RANGE['end']}"}
    assert "Launched 3 of nightly." in act(admin_client, *NIGHTLY, sent="Launch", **listed)
    assert Run.objects.count() == Tick.objects.count() == 3


@pytest.mark.parametrize(("field", "value"), [("start", "soon"), ("end", "2190-01-01")])
def test_a_range_that_cannot_be_is_said(admin_client: Client, field: str, value: str) -> None:
    page = act(admin_client, *NIGHTLY, sent="List", **{**RANGE, field: value})
    assert f"nightly: {field}: " in page


def test_deleting_is_recorded(admin_client: Client) -> None:
    admin_client.post(address("timestep_schedule", "delete", "nightly"), {"post": "yes"})
    assert AuditEntry.objects.latest("number").act == "schedule.deleted"
    assert not Schedule.objects.exists()


def test_only_who_may_launch_an_agent_schedules_it() -> None:
    client = signed_in("view_schedule", "add_schedule", "change_schedule", "launch_run")
    agent("kept")
    keep("kept", User.objects.create_user("ana"), launches=True)
    for slug in ("kept", "desk"):
        sent = {**SCHEDULE, "name": slug, "agent": slug}
        client.post(address("timestep_schedule", "add"), sent, follow=True)
    assert set(Schedule.objects.values_list("name", flat=True)) == {"nightly", "desk"}

"""Schedules that a program made, as people see them; and what protects a definition."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.services.schedules import BASE, program
from tests.workflows.rows import agent
from timestep.models import Run, Schedule
from timestep.services.schedules import save_program_schedule, save_schedule
from workflows.models import AgentDefinition

pytestmark = pytest.mark.django_db
LIST = "/admin/timestep/schedule/"


def act(client: Client, action: str, **more: str) -> str:
    """Do an action of the list for the program's schedule; the page that follows."""
    data = {"action": action, "_selected_action": "hourly", **more}
    return client.post(LIST, data, follow=True).content.decode()


def test_it_is_listed_and_shown_and_changed_only_in_the_program(admin_client: Client) -> None:
    save_program_schedule(program())
    assert "clock.py" in admin_client.get(LIST).content.decode()
    address = reverse("admin:timestep_schedule_change", args=["hourly"])
    page = admin_client.get(address).content.decode()
    assert "0 * * * *" in page
    assert 'name="_save"' not in page
    assert admin_client.post(address, {**BASE, "overlap": "allow"}).status_code == 403
    found = admin_client.get("/search/?q=hourly", follow=True).content.decode()
    assert "hourly" in found


def test_it_can_be_run_paused_and_resumed(admin_client: Client) -> None:
    save_program_schedule(program())
    assert "Launched" in act(admin_client, "run_selected_now")
    assert (Run.objects.get().agent, Run.objects.get().schedule) == ("Clock", "hourly")
    assert "Paused hourly" in act(admin_client, "pause_selected", sent="Pause", why="holidays")
    assert Schedule.objects.get().paused_by == "admin"
    address = reverse("admin:timestep_schedule_change", args=["hourly"])
    assert "UTC by admin" in admin_client.get(address).content.decode()
    assert "Resumed hourly" in act(admin_client, "resume_selected")
    assert Schedule.objects.get().paused is False


def test_it_can_be_deleted(admin_client: Client) -> None:
    save_program_schedule(program())
    address = reverse("admin:timestep_schedule_delete", args=["hourly"])
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert Schedule.objects.count() == 0


def test_a_schedule_protects_its_definition(admin_client: Client) -> None:
    agent("desk")
    save_schedule(BASE)
    address = reverse("admin:workflows_agentdefinition_delete", args=["desk"])
    assert "schedule nightly launches desk" in admin_client.get(address).content.decode()
    admin_client.post(address, {"post": "yes"})
    assert AgentDefinition.objects.count() == 1

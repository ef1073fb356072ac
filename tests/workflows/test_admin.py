"""The admin: the services' answers, who may do what, and nothing written by hand."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.workflows.rows import agent, run, tool
from timestep.models import Run, Schedule, Tick
from timestep.services.schedules import save_schedule
from workflows.models import AgentDefinition, AgentVersion
from workflows.services.definitions import save_definition
from workflows.services.launching import launch_agent

pytestmark = pytest.mark.django_db

FORM = {
    "slug": "desk", "name": "Desk", "instructions": "Be kind", "model": "demo/fast",
    "model_settings": '{"temperature": 0.5}', "tools": "lookup", "handoffs": "",
    "agent_tools": "", "output_type": "", "max_turns": "20", "default_queue": "default",
    "timeout_seconds": "", "active": "on",
}  # fmt: skip
SCHEDULE = {
    "name": "nightly", "agent": "desk", "input": "hello", "cron": "0 3 * * *",
    "timezone": "UTC", "overlap": "allow",
}  # fmt: skip


def signed_in(*permissions: str) -> Client:
    """A client of a staff member with these permissions."""
    user = User.objects.create_user("staff", password="-", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def address(model: str, page: str, *args: str) -> str:
    return reverse(f"admin:{model}_{page}", args=args)


def act(client: Client, model: str, action: str, *keys: str, **more: str) -> str:
    """Do an action of the list; the page that follows."""
    data: dict[str, Any] = {"action": action, "_selected_action": keys, **more}
    answer = client.post(address(model, "changelist"), data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_definition_is_made_and_changed_through_the_service(admin_client: Client) -> None:
    tool("lookup")
    assert admin_client.post(address("workflows_agentdefinition", "add"), FORM).status_code == 302
    made = AgentVersion.objects.get()
    assert made.saved_by is not None
    assert (made.body["tools"], made.body["model_settings"]) == (["lookup"], {"temperature": 0.5})
    change = address("workflows_agentdefinition", "change", "desk")
    page = admin_client.get(change)
    form = page.context["adminform"].form
    assert form["seen_version"].value() == 1
    assert ">\nlookup</textarea>" in page.content.decode()
    changed = {**FORM, "name": "New", "instructions": "Be kind\r\nalways", "seen_version": "1"}
    assert admin_client.post(change, changed).status_code == 302
    saved = AgentDefinition.objects.get()
    assert (saved.name, saved.instructions, saved.latest_version) == ("New", "Be kind\nalways", 2)


def test_saving_a_form_unchanged_makes_no_version(admin_client: Client) -> None:
    tool("lookup")
    admin_client.post(address("workflows_agentdefinition", "add"), FORM)
    change = address("workflows_agentdefinition", "change", "desk")
    assert admin_client.post(change, FORM).status_code == 302
    assert AgentVersion.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", "gone"),
        ("tools", "[not json"),
        ("tools", '[{"name": "lookup", "needs_approval": 3}]'),
        ("handoffs", "nowhere"),
        ("model", "nobody/knows"),
        ("model_settings", '{"temprature": 1}'),
        ("model_settings", "[" * 5000),
        ("model_settings", '{"max_tokens": 1' + "0" * 5000 + "}"),
        ("output_type", '{"type": "array"}'),
        ("output_type", "{"),
        ("max_turns", "0"),
        ("max_turns", "1001"),
        ("timeout_seconds", "-1"),
        ("timeout_seconds", "nan"),
        ("default_queue", "two words"),
        ("name", "nul\x00"),
    ],
)
def test_a_bad_field_is_named_in_the_form(admin_client: Client, field: str, value: str) -> None:
    tool("lookup")
    answer = admin_client.post(address("workflows_agentdefinition", "add"), {**FORM, field: value})
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert AgentDefinition.objects.count() == 0


def test_a_tool_that_disappeared_is_refused_on_the_next_save(admin_client: Client) -> None:
    lookup = tool("lookup")
    agent("desk", tools=["lookup"])
    lookup.present = False
    lookup.save()
    change = address("workflows_agentdefinition", "change", "desk")
    answer = admin_client.post(change, FORM)
    assert "tools" in answer.context["adminform"].form.errors


def test_a_form_that_is_out_of_date_does_not_undo_a_save(admin_client: Client) -> None:
    tool("lookup")
    agent("desk")
    save_definition({"slug": "desk", "name": "Newer"})
    change = address("workflows_agentdefinition", "change", "desk")
    answer = admin_client.post(change, {**FORM, "seen_version": "1"})
    assert "Version 2 was saved meanwhile" in answer.content.decode()
    assert AgentDefinition.objects.get().name == "Newer"


def test_a_definition_that_others_use_is_not_deleted(admin_client: Client) -> None:
    agent("refunds")
    agent("desk", handoffs=["refunds"])
    delete = address("workflows_agentdefinition", "delete", "refunds")
    assert "desk uses refunds" in admin_client.get(delete).content.decode()
    assert admin_client.post(delete, {"post": "yes"}).status_code == 200
    assert AgentDefinition.objects.count() == 2
    save_definition({"slug": "desk", "handoffs": []})
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert AgentDefinition.objects.count() == AgentVersion.objects.values("definition").count() - 1


def test_launch_asks_for_the_input_and_launches(admin_client: Client) -> None:
    agent("desk")
    run("run_1", input="<b>earlier</b>")
    page = act(admin_client, "workflows_agentdefinition", "launch_selected", "desk")
    assert "&lt;b&gt;earlier&lt;/b&gt;" in page
    given = {"sent": "Launch", "input": "hello\r\nthere"}
    page = act(admin_client, "workflows_agentdefinition", "launch_selected", "desk", **given)
    made = Run.objects.exclude(run_id="run_1").get()
    assert made.run_id in page
    assert (made.input, made.launched_from) == ("hello\nthere", "admin")
    assert made.launched_by is not None


def test_launching_what_cannot_be_is_a_message(admin_client: Client) -> None:
    agent("desk", active=False)
    given = {"sent": "Launch", "input": "hello"}
    page = act(admin_client, "workflows_agentdefinition", "launch_selected", "desk", **given)
    assert "Agent desk is inactive" in page
    page = act(admin_client, "workflows_agentdefinition", "launch_selected", "desk", sent="x")
    assert "This field is required" in page
    assert Run.objects.count() == 0


def test_runs_are_cancelled_repeated_and_retried(admin_client: Client) -> None:
    agent("desk")
    first = launch_agent("desk", input="hello", launched_from="page")
    assert "Cancelling" in act(admin_client, "timestep_run", "cancel_selected", first.run_id)
    assert Run.objects.get().status == "cancelled"
    assert "cannot be cancelled" in act(
        admin_client, "timestep_run", "cancel_selected", first.run_id
    )
    act(admin_client, "timestep_run", "launch_again", first.run_id)
    agent("desk", name="New")
    act(admin_client, "timestep_run", "launch_again_latest", first.run_id)
    again = Run.objects.filter(again_of=first.run_id).order_by("created_at")
    assert [one.agent_version for one in again] == [1, 2]
    Run.objects.filter(run_id=first.run_id).update(status="failed")
    assert "Retrying" in act(admin_client, "timestep_run", "retry_selected", first.run_id)


def test_schedules_are_saved_run_paused_and_resumed(admin_client: Client) -> None:
    agent("desk")
    assert admin_client.post(address("timestep_schedule", "add"), SCHEDULE).status_code == 302
    made = Schedule.objects.get()
    assert made.next_at is not None
    act(admin_client, "timestep_schedule", "run_selected_now", "nightly")
    assert Run.objects.get().schedule == "nightly"
    why = {"sent": "Pause", "why": "holidays"}
    page = act(admin_client, "timestep_schedule", "pause_selected", "nightly", **why)
    assert "Paused nightly" in page
    assert Schedule.objects.get().paused_why == "holidays"
    assert "next at" in act(admin_client, "timestep_schedule", "resume_selected", "nightly")
    change = address("timestep_schedule", "change", "nightly")
    assert admin_client.post(change, {**SCHEDULE, "cron": "0 4 * * *"}).status_code == 302
    assert Schedule.objects.get().cron == "0 4 * * *"


@pytest.mark.parametrize(
    ("field", "value"),
    [("cron", "0 25 * * *"), ("timezone", "Atlantis"), ("input", " "), ("agent", "nobody")],
)
def test_a_bad_field_of_a_schedule_is_named(admin_client: Client, field: str, value: str) -> None:
    agent("desk")
    answer = admin_client.post(address("timestep_schedule", "add"), {**SCHEDULE, field: value})
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]


def test_a_schedule_goes_with_its_ticks(admin_client: Client) -> None:
    agent("desk")
    admin_client.post(address("timestep_schedule", "add"), SCHEDULE)
    act(admin_client, "timestep_schedule", "run_selected_now", "nightly")
    delete = address("timestep_schedule", "delete", "nightly")
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert Tick.objects.count() == 0


@pytest.mark.parametrize("model", ["timestep_run", "workflows_agentversion", "timestep_tick"])
def test_what_is_read_only_is_so_for_superusers_too(admin_client: Client, model: str) -> None:
    agent("desk")
    run("run_1")
    save_schedule({**SCHEDULE, "paused": True})
    Tick.objects.create(schedule_id="nightly", at="2026-01-01T00:00Z")
    keys = {"timestep_run": "run_1", "workflows_agentversion": str(AgentVersion.objects.get().pk)}
    key = keys.get(model) or str(Tick.objects.get().pk)
    assert admin_client.get(address(model, "changelist")).status_code == 200
    assert admin_client.get(address(model, "change", key)).status_code == 200
    assert admin_client.post(address(model, "change", key), {}).status_code == 403
    assert admin_client.post(address(model, "delete", key), {"post": "yes"}).status_code == 403
    assert admin_client.get(address(model, "add")).status_code == 403


def test_actions_need_their_permissions() -> None:
    agent("desk")
    launch_agent("desk", input="hello", launched_from="page", run_id="run_1")
    save_schedule({**SCHEDULE, "paused": True})
    client = signed_in("view_run", "view_agentdefinition", "view_schedule")
    for model, action, key in (
        ("timestep_run", "cancel_selected", "run_1"),
        ("timestep_run", "launch_again", "run_1"),
        ("timestep_run", "retry_selected", "run_1"),
        ("workflows_agentdefinition", "launch_selected", "desk"),
        ("timestep_schedule", "run_selected_now", "nightly"),
        ("timestep_schedule", "resume_selected", "nightly"),
    ):
        act(client, model, action, key, sent="Launch", input="x")
    assert list(Run.objects.values_list("run_id", "status")) == [("run_1", "queued")]
    assert Schedule.objects.get().paused is True
    client.post(address("workflows_agentdefinition", "change", "desk"), {**FORM, "name": "X"})
    assert AgentDefinition.objects.get().name == "Desk"


@pytest.mark.parametrize(("permissions", "shown"), [((), False), (("view_traceback",), True)])
def test_the_traceback_is_for_those_who_may_see_it(
    permissions: tuple[str, ...], *, shown: bool
) -> None:
    run("run_1", status="failed", error={"message": "no", "traceback": "line 7 <in> it"})
    client = signed_in("view_run", *permissions)
    page = client.get(address("timestep_run", "change", "run_1")).content.decode()
    assert ("line 7 &lt;in&gt; it" in page) is shown


def test_the_list_of_runs_counts_no_further_than_it_must(admin_client: Client) -> None:
    run("run_1")
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(address("timestep_run", "changelist"), {"agent": "desk"})
    counts = [one["sql"] for one in queries if "COUNT" in one["sql"]]
    assert counts
    assert all("LIMIT" in sql for sql in counts)


@pytest.mark.parametrize(
    "query", ["q=nul%00", "status__exact=x", "agent=nobody", "q=" + "x" * 3000]
)
def test_odd_addresses_are_no_errors_of_ours(admin_client: Client, query: str) -> None:
    for model in ("timestep_run", "workflows_agentversion", "timestep_schedule"):
        answer = admin_client.get(address(model, "changelist") + "?" + query)
        assert answer.status_code < 500

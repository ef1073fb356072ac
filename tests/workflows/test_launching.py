"""Launching agents, and launching a run again."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.workflows.rows import agent, in_threads
from timestep.errors import InvalidInput, RunNotFound
from timestep.models import Run, Segment
from workflows.errors import AgentInactive, AgentNotFound
from workflows.services.definitions import save_definition
from workflows.services.inputs import input_as_text, parsed_input
from workflows.services.launching import launch_again, launch_agent

pytestmark = pytest.mark.django_db


def test_a_run_gets_what_the_definition_says() -> None:
    ana = User.objects.create_user("ana")
    agent("desk", default_queue="slow", timeout_seconds=9, max_turns=4)
    run = launch_agent("desk", input="hello", by=ana, launched_from="page")
    run.refresh_from_db()
    assert (run.queue, run.timeout_seconds, run.max_turns) == ("slow", 9.0, 4)
    assert (run.agent, run.agent_version, run.launched_by) == ("desk", 1, ana)
    assert run.spec.body["start"] == "desk"
    assert Segment.objects.get(run=run).state == "ready"


def test_what_the_caller_says_comes_first() -> None:
    agent("desk", default_queue="slow", timeout_seconds=9)
    run = launch_agent(
        "desk", input="hi", launched_from="cli", queue="fast", timeout_seconds=1, session_id="s-1"
    )
    assert (run.queue, run.timeout_seconds, run.session_id) == ("fast", 1.0, "s-1")


def test_an_older_version_can_be_launched() -> None:
    agent("desk")
    agent("desk", name="New")
    run = launch_agent("desk", input="hi", launched_from="page", version=1)
    assert (run.agent_version, run.spec.body["agents"]["desk"]["name"]) == (1, "Desk")


@pytest.mark.parametrize(
    "value",
    ["", "  \n", [], ["text"], {}, None, 5, "nul\x00", "\ud800", "x" * 1_000_001,
     [{"role": "user", "content": "nul\x00"}], [{"a": float("nan")}]],
)  # fmt: skip
def test_an_unusable_input_is_refused(value: Any) -> None:
    agent("desk")
    with pytest.raises(InvalidInput) as refused:
        launch_agent("desk", input=value, launched_from="page")
    assert refused.value.field == "input"
    assert Run.objects.count() == 0


@pytest.mark.parametrize("field", ["session_id", "queue", "dedup_id"])
def test_text_that_no_database_can_store_is_refused(field: str) -> None:
    agent("desk")
    broken: dict[str, Any] = {field: "half \ud800"}
    with pytest.raises(InvalidInput) as refused:
        launch_agent("desk", input="hi", launched_from="page", **broken)
    assert refused.value.field == field


def test_an_inactive_or_unknown_agent_is_not_launched() -> None:
    with pytest.raises(AgentNotFound):
        launch_agent("desk", input="hi", launched_from="page")
    agent("desk", active=False)
    with pytest.raises(AgentInactive):
        launch_agent("desk", input="hi", launched_from="page")


def test_again_keeps_the_pinned_spec_and_latest_is_a_choice() -> None:
    ana = User.objects.create_user("ana")
    agent("desk")
    first = launch_agent("desk", input="hello", launched_from="page", session_id="s-1")
    agent("desk", name="New")
    same = launch_again(first.run_id, by=ana, launched_from="page")
    latest = launch_again(first.run_id, by=ana, launched_from="page", latest=True)
    assert (same.spec_id, same.agent_version) == (first.spec_id, 1)
    assert (latest.agent_version, latest.spec.body["agents"]["desk"]["name"]) == (2, "New")
    for run in (same, latest):
        assert (run.input, run.session_id, run.again_of) == ("hello", "s-1", first.run_id)
        assert run.launched_by == ana


@pytest.mark.parametrize("run_id", ["run_none", "nul\x00", ""])
def test_again_of_nothing_is_refused(run_id: str) -> None:
    with pytest.raises(RunNotFound):
        launch_again(run_id, by=None, launched_from="page")


@pytest.mark.django_db(transaction=True)
def test_the_same_run_id_from_twenty_threads_launches_once() -> None:
    agent("desk")
    runs = in_threads(
        20, lambda _: launch_agent("desk", input="hi", launched_from="cli", run_id="once").run_id
    )
    assert runs == ["once"] * 20
    assert (Run.objects.count(), Segment.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    "text", ["hello", "[not json", '["a", "b"]', "[]", '[{"a": 1}]', '{"role": "user"}', "[" * 9999]
)
def test_a_text_stays_a_text(text: str) -> None:
    assert parsed_input(text) == text


def test_items_are_read_from_their_json_and_shown_as_it() -> None:
    items = [{"role": "user", "content": "hi"}]
    assert parsed_input(' [{"role": "user", "content": "hi"}]') == items
    assert parsed_input(input_as_text(items)) == items


def test_a_run_of_an_agent_that_is_off_can_be_repeated_with_its_spec_only() -> None:
    agent("desk")
    first = launch_agent("desk", input="hello", launched_from="page")
    save_definition({"slug": "desk", "active": False})
    with pytest.raises(AgentInactive):
        launch_again(first.run_id, by=None, launched_from="page", latest=True)

"""`create_scheduled_agent_workflow` and its handle, in this process, without a launch."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from agents import Agent, OpenAIConversationsSession, function_tool
from django.db import connections
from openai import AsyncOpenAI

from tests.services.schedules import ANA
from timestep import ScheduleHandle, create_scheduled_agent_workflow
from timestep.engine import threads
from timestep.engine.travel import CannotTravel
from timestep.errors import InvalidInput, NotConfigured, NotLaunched, ScheduleNotFound
from timestep.library import schedules, setup
from timestep.library.scheduling import flush_pending
from timestep.models import Run, Schedule, Tick
from timestep.services.schedules import pause

pytestmark = pytest.mark.django_db(transaction=True)
AGENT = Agent(name="Night watch", model="demo/instant", instructions="Look around.")
ITEMS = [{"role": "user", "content": "look"}]


@pytest.fixture(autouse=True)
def configured(
    monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> Iterator[pytest.MonkeyPatch]:
    """Configured, with database threads that know this test's database."""
    with ThreadPoolExecutor(2) as fresh:
        monkeypatch.setattr(threads, "_POOL", fresh)
        monkeypatch.setattr(setup._Process, "configuration", None)
        setup.configure_dbos(name="test")
        yield monkeypatch
        for _ in range(2):
            fresh.submit(connections.close_all).result()
        schedules._pending.clear()


def create(**other: Any) -> ScheduleHandle:
    """A schedule, of which the test says what matters."""
    given = {"crontab": "0 3 * * *", "agent": AGENT, "input_items": "look", "name": "watch"}
    return create_scheduled_agent_workflow(**{**given, **other})


def test_it_is_kept_as_it_was_said() -> None:
    handle = create(
        crontab="*/5 0 3 * * *", input_items=ITEMS, session="s-1", timezone="Europe/Berlin",
        queue_name="slow", overlap="skip", catch_up=True,
    )  # fmt: skip
    row = Schedule.objects.get()
    assert (handle.name, repr(handle)) == ("watch", "ScheduleHandle('watch')")
    assert (row.cron, row.timezone, row.input) == ("*/5 0 3 * * *", "Europe/Berlin", ITEMS)
    assert (row.agent, row.session_id, row.queue) == ("Night watch", "s-1", "slow")
    assert (row.overlap, row.catch_up, row.paused) == ("skip", True, False)
    assert row.spec is not None
    assert row.spec.body["spec_version"] == 2
    assert row.created_from.startswith("program ")
    assert row.next_at is not None


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"crontab": "0 25 * * *"}, "crontab", r"field 2 \(hour\), at character 3, .*'25'.* 0-23"),
        ({"crontab": "* *"}, "crontab", "five fields"),
        ({"crontab": None}, "crontab", "text"),
        ({"timezone": "Mars/Olympus"}, "timezone", "'Mars/Olympus' is no time zone"),
        ({"name": "two words"}, "name", "letters"),
        ({"input_items": ""}, "input_items", "empty"),
        ({"input_items": 7}, "input_items", "text or a list"),
        ({"overlap": "both"}, "overlap", "allow, skip, queue, cancel_running"),
        ({"catch_up": "yes"}, "catch_up", "true or false"),
        ({"paused": 1}, "paused", "true or false"),
        ({"queue_name": "two words"}, "queue_name", "letters"),
        ({"queue_name": "direct"}, "queue_name", "not queued"),
        ({"agent": "Night watch"}, "agent", "agents.Agent"),
    ],
)
def test_a_wrong_value_is_refused_with_the_place(
    given: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message) as refused:
        create(**given)
    assert refused.value.field == field
    assert Schedule.objects.count() == 0


def test_an_agent_that_cannot_travel_is_refused() -> None:
    local = Agent(name="a", tools=[function_tool(lambda: "x", name_override="x")])
    with pytest.raises(CannotTravel):
        create(agent=local)


def test_twice_is_one_and_other_content_changes_it() -> None:
    create()
    create(crontab="0 4 * * *", input_items="look again")
    row = Schedule.objects.get()
    assert (row.cron, row.input) == ("0 4 * * *", "look again")


def test_a_conversation_of_an_earlier_start_goes_on(configured: pytest.MonkeyPatch) -> None:
    configured.setenv("OPENAI_API_KEY", "sk-test-1")
    client = AsyncOpenAI(base_url="http://127.0.0.1:9/v1/", api_key="sk-test-1")
    first = OpenAIConversationsSession(conversation_id="conv_1", openai_client=client)
    create(session=first)
    kept = Schedule.objects.get().session_id
    # Without a conversation: to make one would be a request, and nobody answers there.
    create(session=OpenAIConversationsSession(openai_client=client))
    assert Schedule.objects.get().session_id == kept


def test_without_a_name_it_is_made_of_agent_line_and_input() -> None:
    first = create(name=None)
    assert first.name.startswith("Night-watch-")
    assert create(name=None, agent=AGENT.clone(instructions="Look closer.")).name == first.name
    others = [create(name=None, crontab="0 5 * * *"), create(name=None, input_items=ITEMS)]
    assert len({first.name, *(other.name for other in others)}) == 3
    assert Schedule.objects.count() == 3


async def test_it_is_a_plain_call_inside_a_running_loop_too() -> None:
    handle = create()
    handle.pause()
    handle.resume()
    assert len(handle.next(2)) == 2
    run_id = handle.trigger()
    assert threads.submit(Run.objects.get, run_id=run_id).result().schedule == "watch"
    handle.delete()


def test_pause_and_resume() -> None:
    handle = create()
    handle.pause("holidays")
    row = Schedule.objects.get()
    assert (row.paused, row.paused_why, row.next_at) == (True, "holidays", None)
    handle.resume()
    assert Schedule.objects.get().next_at is not None


def test_trigger_gives_the_id_of_its_run() -> None:
    run_id = create(paused=True, queue_name="slow").trigger()
    run = Run.objects.get()
    assert (run.run_id, run.agent, run.queue) == (run_id, "Night watch", "slow")
    assert Tick.objects.get().run_id == run_id


def test_the_next_times_are_in_the_schedules_zone_paused_or_not() -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    times = create(timezone="Asia/Kathmandu", paused=True).next(3)
    assert [(one.hour, one.minute, one.tzinfo) for one in times] == [(3, 0, zone)] * 3
    assert times[1] - times[0] == timedelta(days=1)
    for n in (0, 1001, "2"):
        with pytest.raises(InvalidInput, match="n: "):
            ScheduleHandle("watch").next(n)  # type: ignore[arg-type]


def test_backfilling_takes_times_of_the_schedules_zone() -> None:
    handle = create(timezone="Asia/Kathmandu")
    first, last = datetime(2026, 1, 1, 3), datetime(2026, 1, 3, tzinfo=UTC)  # noqa: DTZ001
    runs = handle.backfill(first, last)
    assert len(runs) == 3
    at = Run.objects.get(run_id=runs[0]).scheduled_at
    assert at == datetime(2025, 12, 31, 21, 15, tzinfo=UTC)
    assert handle.backfill(first, last) == []
    with pytest.raises(InvalidInput, match="start: give a datetime"):
        handle.backfill("2026-01-01", last)  # type: ignore[arg-type]


def test_delete_and_what_is_not_there() -> None:
    create().delete()
    gone = ScheduleHandle("watch")
    now = datetime.now(UTC)
    acts = (
        gone.pause, gone.resume, gone.trigger, gone.next, gone.delete,
        lambda: gone.backfill(now, now),
    )  # fmt: skip
    for act in acts:
        with pytest.raises(ScheduleNotFound):
            act()


def test_before_configuring_it_says_what_to_call(configured: pytest.MonkeyPatch) -> None:
    configured.setattr(setup._Process, "configuration", None)
    for act in (create, ScheduleHandle("watch").pause):
        with pytest.raises(NotConfigured, match=r"configure_dbos\(\)"):
            act()


def test_before_there_are_tables_it_is_kept_for_the_launch(
    configured: pytest.MonkeyPatch,
) -> None:
    configured.setattr(schedules, "_tables_exist", lambda: False)
    handle, other = create(), create(name="other")
    assert len(handle.next(2)) == 2
    with pytest.raises(NotLaunched, match=r"ensure_dbos_launched\(\)"):
        handle.trigger()
    other.delete()
    assert Schedule.objects.count() == 0
    threads.submit(flush_pending).result()
    assert [row.name for row in Schedule.objects.all()] == ["watch"]
    handle.pause()


def test_a_schedule_of_the_dashboard_is_not_taken_over() -> None:
    Schedule.objects.create(name="watch", agent="desk", input="x", cron="0 3 * * *")
    with pytest.raises(InvalidInput, match="made in the dashboard"):
        create()
    pause("watch", by=ANA)

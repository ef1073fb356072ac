"""The clock of schedules: who fires, what is missed, and what a failing launch leaves behind."""

from __future__ import annotations

import itertools
import logging
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals.models import AuditEntry
from tests.services.schedules import ANA, BASE, due_since, program
from tests.workflows.rows import agent, in_threads
from timestep.models import AgentSpec, Run, Schedule, Tick, TickOutcome
from timestep.services.cron import next_after
from timestep.services.schedules import pause, save_program_schedule, save_schedule
from timestep.services.ticking import fire_due
from timestep.services.ticks import Resolve
from timestep.services.ticks import settle as settle_tick
from workflows.services.definitions import save_definition

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def desk() -> None:
    agent("desk")


def outcomes() -> list[tuple[str, str]]:
    """What came of each tick, in the order of their times."""
    return list(Tick.objects.order_by("at").values_list("outcome", "note"))


def test_a_due_tick_launches_once_and_moves_on() -> None:
    schedule = due_since(2, queue="slow", priority=3, timeout_seconds=9.0, session_id="s")
    at = schedule.next_at
    assert fire_due() == 0
    run = Run.objects.get()
    assert (run.schedule, run.scheduled_at, run.launched_from) == ("nightly", at, "schedule")
    assert (run.input, run.agent, run.agent_version) == ("hello", "desk", 1)
    assert (run.queue, run.priority, run.timeout_seconds) == ("slow", 3, 9.0)
    assert run.session_id == "s"
    tick = Tick.objects.get()
    assert (tick.at, tick.run_id, tick.outcome, tick.note) == (at, run.run_id, "launched", "")
    assert 2 <= tick.lateness.total_seconds() < 60
    schedule.refresh_from_db()
    assert schedule.last_at == at
    wait = fire_due()
    assert wait is not None
    assert 0 < wait <= 24 * 3600
    assert Run.objects.count() == 1


def test_the_agents_own_queue_and_timeout_are_the_default() -> None:
    agent("desk", default_queue="own", timeout_seconds=5.0, max_turns=3)
    due_since(2)
    fire_due()
    run = Run.objects.get()
    assert (run.queue, run.timeout_seconds, run.max_turns) == ("own", 5.0, 3)


def test_a_pinned_version_is_launched_and_its_input_tells_of_the_tick() -> None:
    due_since(2, agent_version=1, input="For {{ scheduled_at_utc }}")
    agent("desk", instructions="Be kind")
    fire_due()
    run = Run.objects.get()
    assert run.agent_version == 1
    assert run.input == f"For {Tick.objects.get().at:%Y-%m-%dT%H:%M:%SZ}"


def test_nothing_fires_after_the_end() -> None:
    schedule = due_since(5, cron="* * * * * *")
    assert schedule.next_at is not None
    Schedule.objects.update(ends_at=schedule.next_at + timedelta(seconds=2))
    for _ in range(5):
        fire_due()
    assert Tick.objects.count() == 3
    assert Schedule.objects.filter(next_at=None, paused=False).exists()


def test_of_what_was_missed_the_latest_before_the_end_is_launched() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    save_schedule({**BASE, "cron": "0 * * * *"})
    Schedule.objects.update(next_at=start, ends_at=start + timedelta(hours=4, minutes=30))
    fire_due(start + timedelta(days=3))
    assert Run.objects.get().scheduled_at == start + timedelta(hours=4)
    assert Schedule.objects.get().next_at is None


def test_a_programs_schedule_launches_its_spec() -> None:
    made = save_program_schedule(program(spec={"agents": {"Clock": 1}}))
    Schedule.objects.update(next_at=timezone.now(), session_id="s", session_spec={"kind": "x"})
    fire_due()
    run = Run.objects.get()
    assert (run.spec_id, run.agent, run.queue) == (made.spec_id, "Clock", "default")
    assert (run.session_id, run.session_spec) == ("s", {"kind": "x"})
    assert AgentSpec.objects.count() == 1


def test_no_second_is_left_out_when_the_clock_is_late() -> None:
    schedule = due_since(3, cron="* * * * * *")
    for _ in range(4):
        fire_due()
    ticks = list(schedule.ticks.order_by("at").values_list("at", flat=True))
    assert len(ticks) == 4
    whole = [at.replace(microsecond=0) for at in ticks]
    assert [b - a for a, b in itertools.pairwise(whole)] == [timedelta(seconds=1)] * 3


def test_of_what_nobody_was_there_for_the_latest_is_launched() -> None:
    schedule = due_since(3 * 24 * 3600, cron="0 * * * *")
    first = schedule.next_at
    assert first is not None
    Schedule.objects.update(next_at=first.replace(minute=0, second=0, microsecond=0))
    fire_due()
    assert [outcome for outcome, _ in outcomes()] == ["missed", "launched"]
    assert outcomes()[0][1].startswith("missed, as all before ")
    at = Run.objects.get().scheduled_at
    assert at is not None
    assert timedelta(0) <= timezone.now() - at <= timedelta(hours=1)
    schedule.refresh_from_db()
    assert schedule.next_at == at + timedelta(hours=1)


def test_with_catch_up_every_tick_is_launched_in_order() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    save_schedule({**BASE, "cron": "0 * * * *", "catch_up": True})
    Schedule.objects.update(next_at=start)
    for _ in range(6):
        fire_due(start + timedelta(hours=4, minutes=30))
    runs = Run.objects.order_by("created_at").values_list("scheduled_at", flat=True)
    assert list(runs) == [start + timedelta(hours=n) for n in range(5)]


@pytest.mark.parametrize("changed", ["2026-03-29", "2026-10-25"])
@pytest.mark.parametrize(
    ("cron", "spring", "autumn"),
    [("30 2 * * *", ["01:30"], ["00:30"]), ("0 */1 * * *", 23 * [""], 25 * [""])],
)
def test_a_day_on_which_clocks_change(
    changed: str, cron: str, spring: list[str], autumn: list[str]
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    midnight = datetime.fromisoformat(changed).replace(tzinfo=zone)
    save_schedule({**BASE, "cron": cron, "timezone": zone.key})
    Schedule.objects.update(next_at=next_after(cron, zone, midnight - timedelta(seconds=1)))
    now, end = midnight.astimezone(UTC), (midnight + timedelta(days=1)).astimezone(UTC)
    while now < end:
        while fire_due(now) == 0:
            pass
        now += timedelta(seconds=600)
    fired = [f"{at:%H:%M}" for at in Tick.objects.order_by("at").values_list("at", flat=True)]
    expected = spring if changed == "2026-03-29" else autumn
    assert len(fired) == len(expected) == Run.objects.count()
    assert fired == expected or "" in expected


def test_a_tick_whose_agent_cannot_be_launched_says_why_and_the_schedule_goes_on() -> None:
    due_since(2)
    save_definition({"slug": "desk", "active": False})
    fire_due()
    assert Run.objects.count() == 0
    why = "agent desk is inactive; activate its definition to launch it"
    assert outcomes() == [("failed", f"not launched: {why}")]
    schedule = Schedule.objects.get()
    assert schedule.next_at is not None
    assert schedule.next_at > timezone.now()


def test_a_broken_row_does_not_stop_the_clock_of_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    due_since(2)
    due_since(1, name="other")

    def settle(tick: Tick, resolve: Resolve) -> Run | None:
        if tick.schedule_id == "nightly":
            raise KeyError("body")
        return settle_tick(tick, resolve)

    monkeypatch.setattr("timestep.services.ticking.settle", settle)
    with caplog.at_level(logging.CRITICAL):
        fire_due()
    assert Tick.objects.get(schedule="nightly").note == "not launched: KeyError: 'body'"
    assert Run.objects.get().schedule == "other"


def test_a_schedule_whose_zone_is_gone_stops_itself_only() -> None:
    due_since(2)
    Schedule.objects.update(timezone="Mars/Olympus")
    due_since(1, name="other")
    fire_due()
    assert dict(Schedule.objects.values_list("name", "paused")) == {"nightly": True, "other": False}
    assert Tick.objects.get(schedule="nightly").note.startswith("paused: its times cannot")
    assert Schedule.objects.get(name="nightly").paused_by == "the clock"
    assert AuditEntry.objects.latest("number").act == "schedule.paused"


def test_paused_schedules_do_not_fire() -> None:
    due_since(2)
    pause("nightly", by=ANA)
    assert fire_due() is None
    assert Run.objects.count() == 0


def test_a_backfilled_tick_is_not_fired_again() -> None:
    schedule = due_since(2)
    assert schedule.next_at is not None
    Tick.objects.create(schedule=schedule, at=schedule.next_at, run_id="run_1")
    fire_due()
    assert Run.objects.count() == 0
    assert Tick.objects.get().outcome == TickOutcome.LAUNCHED


def test_a_run_that_no_database_takes_fails_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    due_since(2)
    due_since(1, name="other", overlap="cancel_running")
    due_since(1, name="third")

    def spoilt(tick: Tick, resolve: Resolve) -> Run | None:
        run = settle_tick(tick, resolve)
        if run is not None and tick.schedule_id == "nightly":
            run.priority = -(2**40)
        return run

    monkeypatch.setattr("timestep.services.ticking.settle", spoilt)
    with caplog.at_level(logging.CRITICAL):
        fire_due()
        fire_due()
    assert Tick.objects.get(schedule="nightly").note.startswith("not launched: ")
    assert Tick.objects.get(schedule="nightly").run_id is None
    assert {run.schedule for run in Run.objects.all()} == {"other", "third"}


def test_a_burst_takes_few_questions() -> None:
    for number in range(25):
        due_since(1, name=f"s-{number}")
    Schedule.objects.update(next_at=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        fire_due()
    assert Run.objects.count() == Tick.objects.count() == 25
    run = Run.objects.all()[0]
    events = list(run.events.values_list("seq", "kind", "payload"))
    assert (run.last_seq, events) == (1, [(1, "status", {"status": "queued"})])
    assert run.segments.get().segment_id == f"{run.run_id}:0"
    assert sum(query["sql"].startswith("UPDATE") for query in queries) == 1
    assert len(queries) < 30


def test_schedules_of_a_burst_go_on_each_by_its_own_line() -> None:
    lines = {"a": "0 * * * *", "b": "0 * * * *", "c": "*/20 * * * *", "d": "0 */3 * * *"}
    due = {name: due_since(1, name=name, cron=line) for name, line in lines.items()}
    Schedule.objects.filter(name="d").update(timezone="Asia/Kathmandu")
    fire_due()
    for schedule in Schedule.objects.all():
        at = due[schedule.name].next_at
        assert at is not None
        zone = ZoneInfo(schedule.timezone)
        expected = next_after(schedule.cron, zone, at)
        assert (schedule.last_at, schedule.next_at) == (at, expected), schedule.name


@pytest.mark.django_db(transaction=True)
def test_ten_workers_fire_every_tick_once() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(3):
        save_schedule({**BASE, "name": f"s-{number}", "cron": "*/10 * * * * *"})
    Schedule.objects.update(next_at=start)
    end = start + timedelta(seconds=20)

    def work(_: int) -> None:
        # 0 also where another worker holds what is due at this moment.
        while fire_due(end) == 0:
            pass

    results = in_threads(10, work)
    assert [one for one in results if isinstance(one, Exception)] == []
    assert Run.objects.count() == Tick.objects.count() == 9
    assert not Tick.objects.exclude(note="").exists()

"""The pages of schedules: the list, one of them, the form with its preview, and the acts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from approvals.models import AuditEntry
from tests.access.people import keep
from tests.services.schedules import ANA, BASE, program
from tests.web.sure import SURE
from tests.workflows.rows import agent
from tests.workflows.rows import run as make_run
from timestep.models import Run, Schedule, Tick
from timestep.services.schedules import pause, save_program_schedule, save_schedule

pytestmark = pytest.mark.django_db
AT = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
FORM = {
    "name": "weekly", "agent": "desk", "input": "On {{ scheduled_date }}", "cron": "0 9 * * mon",
    "timezone": "Europe/Berlin", "overlap": "skip", "agent_version": "1", "priority": "3",
    "starts_at": "2150-03-29T02:30", "ends_at": "2151-01-01T00:00", "pause_after_failures": "2",
}  # fmt: skip


@pytest.fixture(autouse=True)
def nightly() -> Schedule:
    agent("desk")
    return save_schedule({**BASE, "cron": "30 2 * * *", "timezone": "Europe/Berlin"})


def page(client: Client, path: str = "nightly/", **data: str) -> str:
    answer = client.get(f"/schedules/{path}", data)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_says_when_and_what_came_of_it(owner: Client, nightly: Schedule) -> None:
    save_program_schedule(program())
    pause("hourly", by=ANA, why="<b>holidays</b>")
    Tick.objects.create(schedule=nightly, at=AT, outcome="missed", note="missed")
    found = page(owner, "")
    for said in ("Every day at 02:30", "Missed", "made by a program", "paused by ana"):
        assert said in found
    assert "<b>holidays" not in found
    assert "hourly" not in page(owner, "", state="active")
    assert "nightly" not in page(owner, "", q="HOUR")


def test_ticks_say_what_came_of_them(owner: Client, nightly: Schedule) -> None:
    make_run("run-1", schedule="nightly", status="failed")
    rows = [("launched", "run-1", "", AT), ("skipped", None, "skipped: run <i>x", AT)]
    for number, (outcome, run_id, note, at) in enumerate(rows):
        fired = at.replace(hour=number, second=2)
        Tick.objects.create(
            schedule=nightly, at=at.replace(hour=number), fired_at=fired, outcome=outcome,
            run_id=run_id, note=note,
        )  # fmt: skip
    found = page(owner)
    assert "2026-10-25 02:30:00 CEST" in found
    assert "2026-10-25 02:30:00 CET" in found
    for said in ("/runs/run-1/", "Skipped", "skipped: run &lt;i&gt;x", "2.0 s"):
        assert said in found


def test_a_program_s_schedule_says_where_it_is_changed(owner: Client) -> None:
    save_program_schedule(program())
    assert "are changed there" in page(owner, "hourly/")
    assert "/schedules/hourly/edit/" not in page(owner, "hourly/")
    assert owner.get("/schedules/hourly/edit/").status_code == 302
    assert owner.post("/schedules/hourly/edit/", FORM).status_code == 302
    assert Schedule.objects.get(name="hourly").cron == "0 * * * *"


def test_a_schedule_is_made_and_changed(owner: Client) -> None:
    assert owner.post("/schedules/new/", FORM).status_code == 302
    made = Schedule.objects.get(name="weekly")
    assert (made.agent_version, made.priority, made.pause_after_failures) == (1, 3, 2)
    assert made.created_by == User.objects.get(username="owner")
    form = page(owner, "weekly/edit/")
    # 02:30 does not exist that day: the clocks show 03:30 then.
    for said in ('value="2150-03-29T03:30:00"', "On {{ scheduled_date }}", 'value="0 9 * * mon"'):
        assert said in form
    changed = {**FORM, "cron": "0 10 * * mon", "agent_version": ""}
    assert owner.post("/schedules/weekly/edit/", changed).status_code == 302
    entry = AuditEntry.objects.latest("number")
    assert (entry.actor, entry.via, entry.act) == ("owner", "page", "schedule.changed")
    address = {"address": "127.0.0.1"}
    assert entry.payload == {"cron": "0 10 * * mon", "agent_version": None} | address


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "nightly", "is taken"),
        ("name", "new", "is a page"),
        ("name", "nul\x00", "use 1 to 100"),
        ("agent", "nul\x00", "choose an agent"),
        ("timezone", "nul\x00", "is no time zone"),
        ("queue", "nul\x00", "use 1 to 100"),
        ("agent", "nobody", "choose an agent"),
        ("agent_version", "7", "has no version 7"),
        ("agent_version", "x", "must be a number"),
        ("input", "{{ nobody }}", "there are scheduled_at"),
        ("cron", "0 25 * * *", "field 2 (hour)"),
        ("timezone", "Mars/Olympus", "is no time zone"),
        ("ends_at", "2150-03-29T02:30", "lies before the start"),
        ("ends_at", "2001-01-01T00:00", "lies"),
        ("starts_at", "0001-01-01T00:00", "use a year"),
        ("starts_at", "soon", "is no time"),
        ("pause_after_failures", "0", "use a whole number"),
        ("timeout_seconds", "nan", "use a number"),
    ],
)
def test_a_bad_field_is_named_and_nothing_saved(
    owner: Client, field: str, value: str, said: str
) -> None:
    answer = owner.post("/schedules/new/", {**FORM, field: value})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert said in answer.content.decode()
    assert Schedule.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"cron": "0 7 * * mon-fri", "timezone": "Asia/Tokyo"}, "At 07:00, Monday to Friday"),
        ({"cron": "30 2 * * *", "timezone": "Europe/Berlin", "starts_at": "2150-03-25T00:00"},
         "DST gap"),
        ({"cron": "30 2 * * *", "timezone": "Europe/Berlin", "starts_at": "2150-10-20T00:00"},
         "DST repeat"),
        ({"cron": "0 25 * * *"}, "field 2 (hour), at character 3"),
        ({"cron": "* * * * *", "timezone": "Mars"}, "is no time zone"),
        ({"cron": "* * * * *", "ends_at": "2001-01-01T00:00"}, "No time comes"),
        ({"cron": "* * * * *", "starts_at": "9999-01-01T00:00"}, "use a year"),
        ({"cron": " "}, "Type a cron line"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_typed_is_shown_at_once(owner: Client, typed: dict[str, str], said: str) -> None:
    assert said in page(owner, "new/preview/", **typed)


def test_pausing_wants_a_reason_and_resuming_goes_on(owner: Client) -> None:
    owner.post("/schedules/nightly/pause/", {"why": " "})
    assert not Schedule.objects.get().paused
    owner.post("/schedules/nightly/pause/", {"why": "holidays"})
    assert "holidays" in page(owner)
    owner.post("/schedules/nightly/resume/")
    assert Schedule.objects.get().next_at is not None
    acts = AuditEntry.objects.order_by("number").values_list("act", flat=True)
    assert list(acts)[-2:] == ["schedule.paused", "schedule.resumed"]


def test_running_now_opens_the_run(owner: Client) -> None:
    answer = owner.post("/schedules/nightly/run/")
    assert answer["Location"] == f"/runs/{Run.objects.get().run_id}/"
    assert "run now by owner" in page(owner)


def test_a_backfill_is_listed_and_launched_once(owner: Client) -> None:
    asked = {"start": "2026-03-28T00:00", "end": "2026-03-30T00:00"}
    listed = page(owner, "nightly/backfill/", **asked)
    assert "2 would run" in listed
    assert "2026-03-29 03:30:00 CEST" in listed
    assert Run.objects.count() == 0
    for _ in range(2):
        owner.post("/schedules/nightly/backfill/", SURE | asked)
    assert Run.objects.count() == 2
    payload = AuditEntry.objects.latest("number").payload
    assert payload is not None
    assert payload["runs"] == 2
    wrong = owner.get("/schedules/nightly/backfill/", {"start": "2026-01-01", "end": "2190-01-01"})
    assert wrong.status_code == 422


def test_a_schedule_is_deleted_and_its_runs_stay(owner: Client) -> None:
    owner.post("/schedules/nightly/run/")
    owner.post("/schedules/nightly/delete/", SURE)
    assert (Schedule.objects.count(), Run.objects.count()) == (0, 1)
    assert owner.get("/schedules/nightly/").status_code == 404


def test_who_does_not_see_an_agent_sees_none_of_its_schedules(client: Client) -> None:
    user = User.objects.create_user("ben")
    user.groups.set(Group.objects.filter(name="operator"))
    client.force_login(user)
    keep("desk", User.objects.create_user("ana"), launches=True)
    assert "nightly" not in page(client, "")
    for path in ("", "edit/", "backfill/"):
        assert client.get(f"/schedules/nightly/{path}").status_code == 404
    for act in ("run", "pause", "resume"):
        assert client.post(f"/schedules/nightly/{act}/", {"why": "x"}).status_code == 404
    refused = client.post("/schedules/new/", FORM)
    assert refused.context["form"].errors.keys() == {"agent"}

"""What was done lately, as charts, and what comes next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.workflows.rows import agent
from tests.workflows.rows import run as make_run
from timestep.models import Schedule
from workflows.selectors.activity import next_up, runs_by_hour, tokens_by_day
from workflows.selectors.charts import HEIGHT, Slot, stacked

pytestmark = pytest.mark.django_db

KINDS = {"good": "good ones", "bad": "bad ones"}


def _ended(run_id: str, hours_ago: float, status: str = "succeeded") -> None:
    at = timezone.now() - timedelta(hours=hours_ago)
    make_run(run_id, status=status, created_at=at, finished_at=at)


def test_bars_are_stacked_to_one_scale() -> None:
    chart = stacked([Slot("a", {"good": 8, "bad": 2}), Slot("b", {}), Slot("c", {"bad": 1})], KINDS)
    assert chart is not None
    assert (chart.most, chart.totals) == (10, {"good": 8, "bad": 3})
    assert [bar.words for bar in chart.bars] == [
        "a: 8 good ones, 2 bad ones",
        "b: none",
        "c: 1 bad ones",
    ]
    (good, bad), none, (small,) = (bar.parts for bar in chart.bars)
    assert good.y + good.height == pytest.approx(HEIGHT)
    assert bad.y + bad.height == pytest.approx(good.y)
    assert none == []
    assert small.height < bad.height


def test_what_is_little_is_seen_beside_what_is_much_and_stays_inside() -> None:
    chart = stacked([Slot("a", {"good": 1_000_000, "bad": 1})], KINDS)
    assert chart is not None
    good, bad = chart.bars[0].parts
    assert bad.height >= 1
    assert bad.y >= 0
    assert good.height > 90


@pytest.mark.parametrize("slots", [[], [Slot("a", {})], [Slot("a", {"good": 0})]])
def test_there_are_no_empty_charts(slots: list[Slot]) -> None:
    assert stacked(slots, KINDS) is None


def test_runs_are_counted_by_the_hour_and_how_they_ended() -> None:
    _ended("now", 0)
    _ended("failed", 0, "failed")
    _ended("earlier", 5)
    _ended("yesterday", 30)
    make_run("going", status="running")
    chart = runs_by_hour()
    assert chart is not None
    assert chart.totals == {"succeeded": 2, "failed": 1}
    assert chart.bars[-1].words.endswith(": 1 succeeded, 1 failed")
    assert chart.bars[-6].words.endswith(": 1 succeeded")
    assert len(chart.bars) == 24


def test_a_bar_leads_to_its_runs(owner: Client) -> None:
    _ended("old", 5)
    _ended("new", 0)
    chart = runs_by_hour()
    assert chart is not None
    html = owner.get(chart.bars[-6].url).content.decode()
    assert ("run-row-old" in html, "run-row-new" in html) == (True, False)


def test_the_chart_is_one_look_at_an_index_and_kept() -> None:
    _ended("r", 1)
    with CaptureQueriesContext(connection) as queries:
        first = runs_by_hour()
        assert runs_by_hour() == first
    (asked,) = queries
    with connection.cursor() as cursor:
        prefix = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        cursor.execute("SET enable_seqscan = off") if connection.vendor != "sqlite" else None
        cursor.execute(f"{prefix} {asked['sql']}")
        plan = str(cursor.fetchall())
    assert "COVERING INDEX timestep_run_ended" in plan or "Index Only Scan" in plan


def test_tokens_are_summed_by_the_day() -> None:
    now = timezone.now()
    for number, days in enumerate((0, 0, 2, 9)):
        made = {"created_at": now - timedelta(days=days), "input_tokens": 100, "output_tokens": 7}
        make_run(f"r{number}", **made)
    make_run("other", agent="other", input_tokens=5)
    chart = tokens_by_day("desk")
    assert chart is not None
    assert chart.totals == {"input": 300, "output": 21}
    assert chart.bars[-1].words.endswith("200 in, 14 out")
    assert len(chart.bars) == 7


def test_what_fires_next_comes_first() -> None:
    values = {"agent": "desk", "input": "x", "cron": "0 * * * *"}
    now = timezone.now()
    for name, minutes in (("later", 90), ("soon", 5), ("stopped", 1)):
        at = now + timedelta(minutes=minutes, seconds=30)
        Schedule.objects.create(name=name, next_at=at, paused=name == "stopped", **values)
    Schedule.objects.create(name="never", **values)
    assert [one.name for one in next_up()] == ["soon", "later"]


def test_home_shows_both(owner: Client) -> None:
    _ended("r", 1, "failed")
    at = timezone.now() + timedelta(minutes=5, seconds=30)
    Schedule.objects.create(name="nightly", agent="desk", input="x", cron="0 * * * *", next_at=at)
    html = owner.get("/").content.decode()
    assert 'aria-label="Runs that ended, by the hour"' in html
    assert '<rect class="c-failed"' in html
    assert "nightly" in html
    assert ">in 5 min</time>" in html


def test_nothing_is_shown_of_nothing(owner: Client) -> None:
    make_run("r", status="running")
    html = owner.get("/").content.decode()
    assert "<svg viewBox" not in html
    assert "Next up" not in html


def test_an_agents_page_shows_its_tokens(owner: Client) -> None:
    agent("desk")
    assert b"Tokens of the last 7 days" not in owner.get("/agents/desk/").content
    make_run("r", input_tokens=1200, output_tokens=34)
    html = owner.get("/agents/desk/").content.decode()
    assert "Tokens of the last 7 days" in html
    assert "1,200 in, 34 out" in html

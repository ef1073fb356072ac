"""What pages read: lists by keyset, figures that are bounded, what an agent lacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.workflows.rows import agent, run, tool, worker
from timestep.errors import InvalidInput, RunNotFound
from timestep.models import CatalogueTool, Run, RunStatus
from workflows.errors import AgentNotFound
from workflows.selectors.agents import agent_page, agents_overview
from workflows.selectors.figures import bounded_count, home_figures
from workflows.selectors.run import get_run, run_page
from workflows.selectors.runs import RunFilters, full_runs, runs_page
from workflows.selectors.workers import missing_keys

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def nine() -> list[str]:
    """Nine runs, newest first; threes of them were created at the same moment."""
    for number in range(9):
        run(f"run_{number}", created_at=START + timedelta(hours=number // 3))
    return [f"run_{number}" for number in reversed(range(9))]


def walk(limit: int, **filters: Any) -> list[list[str]]:
    """The pages of a list, front to back."""
    pages, after = [], ""
    while True:
        page = runs_page(RunFilters(**filters), after=after, limit=limit)
        pages.append([row.run_id for row in page.rows])
        if page.next_cursor is None:
            return pages
        after = page.next_cursor


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 9, 10])
def test_walking_forward_gives_every_run_once(nine: list[str], limit: int) -> None:
    pages = walk(limit)
    assert [run_id for page in pages for run_id in page] == nine
    assert all(len(page) == limit for page in pages[:-1])


def test_walking_back_gives_the_same_pages(nine: list[str]) -> None:
    first = runs_page(limit=4)
    second = runs_page(after=first.next_cursor or "", limit=4)
    third = runs_page(after=second.next_cursor or "", limit=4)
    assert first.prev_cursor is None
    assert third.next_cursor is None
    back = runs_page(before=third.prev_cursor or "", limit=4)
    assert back.rows == second.rows
    top = runs_page(before=back.prev_cursor or "", limit=4)
    assert [row.run_id for row in top.rows] == nine[:4]
    assert top.prev_cursor is None


def test_a_run_that_is_new_meanwhile_moves_no_page(nine: list[str]) -> None:
    first = runs_page(limit=4)
    run("run_new")
    second = runs_page(after=first.next_cursor or "", limit=4)
    assert [row.run_id for row in second.rows] == nine[4:8]


@pytest.mark.parametrize("cursor", ["x", "a:b:c", "ü", "\x00", "x" * 5000])
def test_a_cursor_that_was_not_made_here_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        runs_page(after=cursor)
    assert refused.value.field == "cursor"


@pytest.mark.usefixtures("nine")
def test_a_cursor_that_was_changed_or_is_of_another_order_is_refused() -> None:
    cursor = runs_page(limit=2).next_cursor or ""
    other = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    with pytest.raises(InvalidInput):
        runs_page(before=other)
    with pytest.raises(InvalidInput, match="another order"):
        runs_page(RunFilters(finished_from=START), after=cursor)


def test_every_filter_narrows_the_list() -> None:
    ana = User.objects.create_user("ana")
    run("other", created_at=START)
    wanted = {
        "status": RunStatus.FAILED, "agent": "refunds", "queue": "slow", "schedule": "nightly",
        "session_id": "s-1", "launched_by": ana, "created_at": START + timedelta(days=2),
        "finished_at": START + timedelta(days=3),
    }  # fmt: skip
    run("wanted", **wanted)
    queries = (
        "q=wanted status=failed agent=refunds queue=slow schedule=nightly session=s-1 "
        "launched_by=ana created_from=2026-01-02 finished_from=2026-01-04 finished_to=2026-01-04"
    )
    for query in queries.split():
        filters = RunFilters.from_query(dict([query.split("=")]))
        assert [row.run_id for row in runs_page(filters).rows] == ["wanted"], query
        assert RunFilters.from_query(filters.as_query()) == filters
    filters = RunFilters.from_query({"created_to": "2026-01-01"})
    assert [row.run_id for row in runs_page(filters).rows] == ["other"]


def test_a_list_by_end_is_ordered_by_end() -> None:
    for number, hours in enumerate((3, 1, 2, 1)):
        run(f"run_{number}", finished_at=START + timedelta(hours=hours))
    run("going-on")
    pages = walk(1, finished_from=START)
    assert [page[0] for page in pages] == ["run_0", "run_2", "run_3", "run_1"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "lost"),
        ("agent", "nul\x00"),
        ("q", "x" * 201),
        ("created_from", "yesterday"),
        ("created_to", "2026-13-01"),
        ("finished_from", "0001-01-01"),
        ("finished_to", "9999-12-31"),
    ],
)
def test_a_filter_that_is_none_is_refused_with_its_name(name: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        RunFilters.from_query({name: value})
    assert refused.value.field == name


def test_no_filters_is_false_and_a_user_nobody_knows_has_no_runs() -> None:
    run("run_1")
    assert not RunFilters.from_query({"page": "7", "status": ""})
    assert runs_page(RunFilters(launched_by="nobody")).rows == []


@pytest.mark.usefixtures("nine")
def test_a_page_is_one_query_without_large_columns() -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        runs_page(limit=3)
    assert len(queries) == 1
    for column in ('"input"', '"final_output"', '"context"', "COUNT", "OFFSET"):
        assert column not in queries[0]["sql"]


def test_rows_carry_what_lists_show() -> None:
    ana = User.objects.create_user("ana")
    started = timezone.now() - timedelta(seconds=5)
    run("r", launched_by=ana, started_at=started, input_tokens=3, output_tokens=4)
    (row,) = runs_page(RunFilters(q="r")).rows
    assert (row.launched_by, row.total_tokens, row.status_label) == ("ana", 7, "Queued")
    assert row.duration_ms is not None
    assert 5000 <= row.duration_ms < 60_000
    assert not runs_page(RunFilters(q="none")).rows


def test_programs_get_whole_runs_up_to_their_limit() -> None:
    for number in range(5):
        run(f"run_{number}", created_at=START + timedelta(hours=number))
    found = full_runs(RunFilters(), 3)
    assert [one.run_id for one in found] == ["run_4", "run_3", "run_2"]


def test_figures_say_what_is_going_on() -> None:
    today = timezone.now()
    for number, status in enumerate(["queued", "queued", "running", "awaiting_approval"]):
        run(f"run_{number}", status=status)
    run("failed-now", status="failed", finished_at=today)
    run("failed-then", status="failed", finished_at=today - timedelta(days=2))
    worker("alive")
    worker("silent", silent=11)
    worker("stopped", stopped_at=today)
    figures = home_figures()
    assert (figures.queued.count, figures.running.count) == (2, 1)
    assert (figures.awaiting_approval.count, figures.failed_today.count) == (1, 1)
    assert figures.workers_alive == 1


@pytest.mark.usefixtures("nine")
def test_a_figure_stops_counting() -> None:
    assert str(bounded_count(Run.objects.all(), 8)) == "8+"
    assert str(bounded_count(Run.objects.all(), 9)) == "9"


def _lacking(model: str) -> list[tuple[str, str]]:
    return [(one.agent, one.variable) for one in missing_keys({"desk": model})]


def test_a_key_that_no_living_worker_has_is_named() -> None:
    worker("one", providers={"openai": False, "demo": True})
    worker("dead", silent=60, providers={"openai": True})
    assert _lacking("gpt-4.1") == [("desk", "OPENAI_API_KEY")]
    assert _lacking("demo/fast") == []
    assert _lacking("unheard/of") == []
    worker("two", providers={"openai": True})
    assert _lacking("gpt-4.1") == []


def test_without_workers_nothing_is_said_about_keys() -> None:
    assert _lacking("gpt-4.1") == []


def test_an_agents_page_shows_tools_users_runs_and_missing_keys() -> None:
    tool("lookup", description="Look it up")
    tool("refund", needs_approval=True)
    agent("refunds", model="gpt-4.1")
    asked = {"name": "lookup", "needs_approval": True}
    agent("desk", tools=[asked, "refund"], handoffs=["refunds"])
    CatalogueTool.objects.filter(name="refund").update(present=False)
    run("run_1", input="earlier")
    worker(providers={"openai": False})
    page = agent_page("desk")
    lookup, refund = page.tools
    assert (lookup.needs_approval, lookup.overridden, lookup.description) == (
        True, True, "Look it up"
    )  # fmt: skip
    assert (refund.needs_approval, refund.overridden, refund.present) == (True, False, False)
    assert [(one.agent, one.variable) for one in page.missing_keys] == [
        ("refunds", "OPENAI_API_KEY")
    ]  # fmt: skip
    assert ([one.run_id for one in page.recent_runs], page.last_input) == (["run_1"], "earlier")
    assert agent_page("refunds").used_by == ["desk"]


def test_the_overview_has_each_agents_last_run_in_two_queries() -> None:
    agent("desk")
    agent("idle", active=False)
    run("run_1", created_at=START)
    run("run_2", status="failed")
    with CaptureQueriesContext(connection) as queries:
        desk, idle = agents_overview()
    assert len(queries) == 2
    assert (desk.last_run_id, desk.last_run_status, desk.is_demo) == ("run_2", "failed", True)
    assert (idle.active, idle.last_run_at) == (False, None)


def test_what_is_not_there_is_an_error_of_ours() -> None:
    with pytest.raises(AgentNotFound):
        agent_page("nobody")
    for run_id in ("none", "nul\x00", "", "x" * 500):
        with pytest.raises(RunNotFound):
            get_run(run_id)


def test_a_runs_page_knows_the_latest_version_of_its_agent() -> None:
    agent("desk")
    agent("desk", name="New")
    assert run_page(run("run_1", agent_version=1).run_id).latest_version == 2
    assert run_page(run("run_2", agent="gone").run_id).latest_version is None

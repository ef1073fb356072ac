"""Lists of requests, page by page."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from approvals import selectors
from approvals.errors import RequestNotFound
from approvals.models import ApprovalRequest
from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, awaiting_run, refund_call

pytestmark = pytest.mark.django_db


def _ids(rows: list[ApprovalRequest]) -> list[str]:
    return [row.pk for row in rows]


@pytest.fixture
def five() -> list[str]:
    """Two batches: rows of one batch share their time of creation."""
    batches = [[refund_call(f"call_{n}") for n in range(size)] for size in (3, 2)]
    return [row.pk for calls in batches for row in ask(awaiting_run(), *calls)]


def test_pending_pages_follow_each_other(five: list[str]) -> None:
    first = selectors.pending(limit=2)
    second = selectors.pending(limit=2, after=first[-1].pk)
    third = selectors.pending(limit=2, after=second[-1].pk)
    assert _ids(first + second + third) == five


def test_a_page_goes_on_after_a_row_that_was_decided_meanwhile(five: list[str]) -> None:
    decide(five[1], approve=True, by=approver())
    assert _ids(selectors.pending(after=five[1])) == five[2:]


def test_decided_come_latest_first(five: list[str]) -> None:
    ana = approver()
    order = [five[3], five[0], five[4]]
    for approval_id in order:
        decide(approval_id, approve=True, by=ana)
    first = selectors.decided(limit=2)
    rest = selectors.decided(limit=2, after=first[-1].pk)
    assert _ids(first + rest) == order[::-1]


def test_recent_has_all_newest_first(five: list[str]) -> None:
    decide(five[0], approve=True, by=approver())
    first = selectors.recent(limit=3)
    assert _ids(first + selectors.recent(limit=3, after=first[-1].pk)) == sorted(five)[::-1]


def test_a_page_costs_one_query(
    five: list[str], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        for row in selectors.pending():
            assert row.run.agent == "support-desk"
            assert selectors.decision_of(row) is None


def test_the_count_stops_at_its_cap(five: list[str]) -> None:
    assert selectors.pending_count() == 5
    assert selectors.pending_count(cap=3) == 3


def test_requests_of_a_run(five: list[str]) -> None:
    run = selectors.get(five[3]).run
    assert _ids(selectors.for_run(run.pk)) == five[3:]


def test_decision_of_a_decided_request(five: list[str]) -> None:
    decision = decide(five[0], approve=True, by=approver())
    assert selectors.decision_of(selectors.get(five[0])) == decision


@pytest.mark.parametrize("approval_id", ["apr_none", "\x00"])
def test_an_unknown_id_is_named(approval_id: str) -> None:
    with pytest.raises(RequestNotFound):
        selectors.get(approval_id)

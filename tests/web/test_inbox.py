"""The inbox: what waits for whom, in which order, and what it is narrowed to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals.models import ApprovalRequest
from approvals.selectors.acts import newest_act
from approvals.selectors.inbox import Inbox, InboxPage
from approvals.services.claims import claim, hand_over
from approvals.services.decisions import decide
from tests.approvals.rows import approver, ask, awaiting_run, refund_call

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def asked(call_id: str = "call_1", **fields: object) -> ApprovalRequest:
    (one,) = ask(awaiting_run(), refund_call(call_id))
    ApprovalRequest.objects.filter(pk=one.pk).update(**fields)
    return one


def listed(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"/approvals/?{query}")
    assert answer.status_code == 200
    return [card.asked.pk for card in answer.context["cards"]]


def in_minutes(minutes: float) -> object:
    return timezone.now() + timedelta(minutes=minutes)


def test_the_nearest_deadline_comes_first_and_none_comes_last(owner: Client) -> None:
    without, late = asked(), asked(deadline_at=in_minutes(90))
    soon, other = asked(deadline_at=in_minutes(5)), asked()
    assert listed(owner) == [soon.pk, late.pk, without.pk, other.pk]


def test_pages_go_on_from_deadlines_to_what_has_none(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approvals.selectors.inbox.Inbox.page.__defaults__", (None, 2))
    made = [asked(deadline_at=in_minutes(n)) for n in (1, 2, 3)] + [asked(), asked()]
    after, found = "", []
    for _ in range(3):
        answer = owner.get("/approvals/", {"after": after})
        found += [card.asked.pk for card in answer.context["cards"]]
        after = answer.context["next"] or ""
    assert found == [one.pk for one in made]


def test_filters_are_in_the_url(owner: Client) -> None:
    old = asked(agent="billing", tool="charge", created_at=in_minutes(-90))
    new = asked()
    assert listed(owner, "agent=billing") == listed(owner, "tool=charge") == [old.pk]
    assert listed(owner, "age=1h") == [old.pk]
    assert listed(owner, "agent=nobody") == []
    assert listed(owner) == [old.pk, new.pk]


@pytest.mark.parametrize(
    "query", ["show=x", "age=2y", "mine=yes", "agent=" + "a" * 101, "tool=%00"]
)
def test_a_filter_that_is_none_is_named(owner: Client, query: str) -> None:
    answer = owner.get(f"/approvals/?{query}")
    assert answer.status_code == 400
    assert f"<strong>{query.partition('=')[0]}</strong>" in answer.content.decode()


def test_mine_is_what_i_review_or_was_handed(owner: Client) -> None:
    me, bo = User.objects.get(username="owner"), approver("bo")
    mine, handed, _ = asked(), asked(), asked()
    claim(mine.pk, by=me)
    hand_over(handed.pk, by=bo, to=me)
    assert listed(owner, "mine=1") == [mine.pk, handed.pk]


def test_what_i_may_not_decide_waits_for_others(owner: Client) -> None:
    approver("bo")
    me = User.objects.get(username="owner")
    own = asked(kept_from=me)
    assert listed(owner) == []
    assert listed(owner, "show=all") == [own.pk]
    card = owner.get(f"/approvals/{own.pk}/").content.decode()
    assert "you launched this run" in card
    assert 'value="approve"' not in card


def test_decided_ones_are_listed_latest_first(owner: Client) -> None:
    first, second, _ = asked(), asked(), asked()
    decide(first.pk, approve=True, by=User.objects.get(username="owner"))
    decide(second.pk, approve=True, by=approver("bo"))
    assert listed(owner, "show=decided") == [second.pk, first.pk]
    assert listed(owner, "show=decided&mine=1") == [first.pk]


def test_the_count_is_of_what_waits_for_me(owner: Client, looker: Client) -> None:
    asked()
    assert owner.get("/approvals/count/").json() == {"count": "1"}
    html = owner.get("/runs/").content.decode()
    assert ">1</b>" in html
    assert looker.get("/approvals/count/").json() == {"count": ""}


def test_what_happens_while_a_page_is_made_is_told_to_it(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked()
    before = newest_act()
    page = Inbox.page

    def slow(*args: object, **kwargs: object) -> InboxPage:
        found = page(*args, **kwargs)  # type: ignore[arg-type]
        asked("call_2")
        return found

    monkeypatch.setattr(Inbox, "page", slow)
    assert f"?after={before}" in owner.get("/approvals/").content.decode()


def test_a_live_card_comes_only_where_the_list_has_it(owner: Client) -> None:
    one = asked()
    path = f"/approvals/{one.pk}/?live=1&in=list"
    assert f'id="approval-{one.pk}"' in owner.get(path, headers=HTMX).content.decode()
    assert owner.get(f"{path}&agent=other", headers=HTMX).status_code == 204
    decide(one.pk, approve=True, by=approver("bo"))
    assert "Approved by bo" in owner.get(f"{path}&agent=other", headers=HTMX).content.decode()


def test_many_cards_cost_as_many_queries_as_one(owner: Client) -> None:
    asked()
    owner.get("/approvals/")
    with CaptureQueriesContext(connection) as one:
        owner.get("/approvals/")
    for number in range(9):
        asked(f"call_{number}")
    with CaptureQueriesContext(connection) as ten:
        owner.get("/approvals/")
    assert len(ten) == len(one)


def test_who_reviews_is_shown_to_others(owner: Client) -> None:
    one = asked()
    claim(one.pk, by=approver("bo"))
    assert "bo is reviewing" in owner.get("/approvals/").content.decode()
    answer = owner.post(f"/approvals/{one.pk}/claim/", {"hold": "claim"}, headers=HTMX)
    assert answer.status_code == 409
    assert "bo" in answer.content.decode()


def test_claim_release_and_hand_over_from_the_page(owner: Client) -> None:
    one, bo = asked(), approver("bo")
    path = f"/approvals/{one.pk}/"
    owner.post(f"{path}claim/", {"hold": "claim"})
    assert "You are reviewing" in owner.get(path).content.decode()
    owner.post(f"{path}claim/", {"hold": "release"})
    owner.post(f"{path}hand-over/", {"to": "bo"})
    one.refresh_from_db()
    assert (one.claimed_by, one.handed_to) == (None, bo)
    refused = owner.post(f"{path}hand-over/", {"to": "nobody"}, follow=True)
    assert "choose somebody who may decide" in refused.content.decode()

"""Roles for all agents, rows for one, and one's own runs."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from approvals.access import ACTS, may, may_with_run, sight_of, visible_requests
from approvals.models import AgentAccess, ApprovalRequest
from approvals.policies.people import Decider, deciders, may_decide
from tests.access.people import anew, keep, person
from tests.approvals.rows import ask, awaiting_run
from timestep.models import Run

pytestmark = pytest.mark.django_db
DESK = "support-desk"


def _acts(user: User | AnonymousUser, agent: str = DESK) -> set[str]:
    return {act for act in ACTS if may(user, act, agent)}


def _runs(user: User | AnonymousUser) -> QuerySet[Run]:
    return Run.objects.filter(sight_of(user).runs())


def test_without_a_role_nothing_is_seen() -> None:
    awaiting_run()
    ana = person("ana")
    assert _acts(ana) == set()
    assert not _runs(ana).exists()


def test_who_may_act_sees() -> None:
    assert _acts(person("ana", "timestep.launch_run")) == {"see", "launch"}
    assert _acts(person("bo", "timestep.view_run")) == {"see"}


def test_nobody_else_does_anything() -> None:
    gone = person("gone", "timestep.launch_run", active=False)
    awaiting_run()
    for user in (gone, AnonymousUser()):
        assert _acts(user) == set()
        assert not _runs(user).exists()
        assert not visible_requests(user).exists()


def test_an_own_run_is_seen_and_may_be_cancelled() -> None:
    ana, run = person("ana"), awaiting_run()
    Run.objects.update(launched_by=ana)
    ask(run)
    run.refresh_from_db()
    assert list(_runs(ana)) == [run]
    assert visible_requests(ana).count() == 1
    assert {act for act in ACTS if may_with_run(ana, act, run)} == {"see", "cancel"}


def test_an_agent_with_rows_is_for_those_named() -> None:
    ana = person("ana", "timestep.launch_run")
    bo = person("bo")
    keep(DESK, bo, launches=True)
    run = awaiting_run()
    assert _acts(anew(ana)) == set()
    assert not _runs(anew(ana)).exists()
    assert _acts(bo) == {"see", "launch", "cancel", "retry"}
    assert list(_runs(bo)) == [run]
    assert _acts(bo, "another") == set()


def test_rows_of_groups_count_and_add_up() -> None:
    finance = Group.objects.create(name="Finance")
    ana = person("ana")
    ana.groups.add(finance)
    keep(DESK, finance, decides=True)
    keep(DESK, ana, launches=True)
    assert _acts(anew(ana)) == set(ACTS)


def test_who_may_access_every_agent_is_not_kept_out() -> None:
    keep(DESK, person("bo"))
    ana = person("ana", "approvals.access_every_agent", "timestep.view_run")
    assert _acts(ana) == {"see"}
    assert sight_of(ana).unlimited
    assert sight_of(User.objects.create_superuser("root")).unlimited


def test_who_decides_for_an_agent_sees_its_requests_only() -> None:
    ana = person("ana")
    keep("refunds", ana, decides=True)
    (asked,) = ask(awaiting_run())
    assert list(visible_requests(ana)) == [asked]
    assert not _runs(ana).exists()


def test_people_who_see_the_same_have_equal_sights() -> None:
    ana, bo = person("ana", "timestep.view_run"), person("bo", "timestep.launch_run")
    assert sight_of(ana) == sight_of(bo)
    keep(DESK, ana)
    assert sight_of(anew(ana)).unlimited
    assert not sight_of(anew(bo)).sees(DESK)
    assert sight_of(anew(bo)).sees("another")


@pytest.mark.parametrize("named", ["none", "both"])
def test_a_row_names_a_user_or_a_group(named: str) -> None:
    both = {"user": person("ana"), "group": Group.objects.create(name="Finance")}
    with pytest.raises(IntegrityError), transaction.atomic():
        AgentAccess.objects.create(agent=DESK, **(both if named == "both" else {}))


def test_the_rows_of_an_agent_say_who_is_asked() -> None:
    ana, bo = person("ana"), person("bo", "approvals.decide_approvalrequest")
    root = User.objects.create_superuser("root")
    (asked,) = ask(awaiting_run())
    assert set(deciders(asked)) == {bo, root}
    keep("refunds", ana, decides=True)
    assert set(deciders(asked)) == {ana, root}
    assert may_decide(asked, ana) == ""
    assert "access to refunds" in may_decide(asked, anew(bo))


@pytest.mark.parametrize("rows", [False, True])
def test_what_waits_for_a_person_is_what_they_may_decide(rows: bool) -> None:
    ana, bo = person("ana"), person("bo", "approvals.decide_approvalrequest")
    if rows:
        keep("refunds", ana, decides=True)
    (asked,) = ask(awaiting_run())
    for user in (ana, anew(bo)):
        waits = ApprovalRequest.objects.filter(Decider(user).waiting())
        assert list(waits) == ([] if may_decide(asked, user) else [asked])


@pytest.mark.parametrize("others", ["nobody", "somebody", "a group", "who sees every agent"])
def test_alone_is_who_nobody_else_may_decide_for(others: str) -> None:
    """Of agents that are for some people it counts who may decide on these agents' calls."""
    ana = person("ana")
    person("bo", "approvals.decide_approvalrequest")  # Not on these.
    keep("refunds", ana, decides=True)
    run = awaiting_run()
    Run.objects.update(launched_by=ana)
    if others == "somebody":
        keep("refunds", person("cy"), decides=True)
    elif others == "a group":
        person("cy").groups.add(group := Group.objects.create(name="Finance"))
        keep("refunds", group, decides=True)
    elif others == "who sees every agent":
        User.objects.create_superuser("root")
    (asked,) = ask(run)
    alone, ana = others == "nobody", anew(ana)
    assert (may_decide(asked, ana) == "") == alone
    assert (ana in deciders(asked)) == alone
    assert ApprovalRequest.objects.filter(Decider(ana).waiting()).exists() == alone

"""The groups that `migrate` makes."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from approvals.access import ACTS, may, sight_of
from approvals.services.roles import ROLES, keep_roles
from tests.access.people import anew, person

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        ("viewer", {"see"}),
        ("operator", {"see", "launch", "cancel", "retry"}),
        ("approver", {"see", "decide"}),
        ("administrator", set(ACTS)),
    ],
)
def test_a_role_may_do_what_its_name_says(role: str, acts: set[str]) -> None:
    ana = person("ana")
    ana.groups.add(Group.objects.get(name=role))
    ana = anew(ana)
    assert {act for act in ACTS if may(ana, act, "support-desk")} == acts
    assert sight_of(ana).unlimited


def test_every_permission_of_a_role_exists() -> None:
    for name, permissions in ROLES.items():
        kept = Group.objects.get(name=name).permissions
        assert kept.count() == len(set(permissions))


def test_what_a_role_lacks_is_added_and_what_it_was_given_stays() -> None:
    viewer, operator = Group.objects.get(name="viewer"), Group.objects.get(name="operator")
    before = set(viewer.permissions.all())
    extra = operator.permissions.get(codename="launch_run")
    viewer.permissions.set([extra])
    keep_roles()
    assert set(viewer.permissions.all()) == before | {extra}


def test_a_role_that_was_deleted_comes_back() -> None:
    Group.objects.filter(name="viewer").delete()
    keep_roles()
    assert Group.objects.get(name="viewer").permissions.exists()

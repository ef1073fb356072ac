"""Rows that the tests of policies start from."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission, User

from approvals.models import ApprovalRequest, Policy, PolicyNeed
from tests.approvals.rows import ask, awaiting_run, refund_call
from timestep.models import Run

SCHEMA = {
    "type": "object",
    "properties": {"order_id": {"type": "integer"}, "amount": {"type": "number"}},
    "required": ["order_id", "amount"],
    "additionalProperties": False,
}


def group(name: str) -> Group:
    """A group whose members may decide."""
    made, _ = Group.objects.get_or_create(name=name)
    made.permissions.add(Permission.objects.get(codename="decide_approvalrequest"))
    return made


def member(name: str, *groups: str) -> User:
    """A user in these groups, with the permission to decide."""
    user = User.objects.create_user(name, password="-")
    user.user_permissions.add(Permission.objects.get(codename="decide_approvalrequest"))
    user.groups.set([group(each) for each in groups])
    return User.objects.get(pk=user.pk)


def policy(
    name: str = "Refunds", *, needs: dict[str, int] | None = None, users: Any = (), **fields: Any
) -> Policy:
    """A policy on `refund_order`; `needs` is a count per group's name, of anyone under ''."""
    made = Policy.objects.create(**({"name": name, "tool": "refund_order"} | fields))
    for of, count in (needs or {}).items():
        PolicyNeed.objects.create(policy=made, group=group(of) if of else None, count=count)
    made.users.set(users)
    return made


def launched_by(user: User | None) -> Run:
    """A run that waits, and that this user launched."""
    run = awaiting_run()
    Run.objects.filter(pk=run.pk).update(launched_by=user)
    run.refresh_from_db()
    return run


def asked(arguments: str | None = None, launcher: User | None = None) -> ApprovalRequest:
    """A request about a call of `refund_order`."""
    given = {} if arguments is None else {"arguments": arguments}
    [request] = ask(launched_by(launcher), refund_call(schema=SCHEMA, **given))
    return request

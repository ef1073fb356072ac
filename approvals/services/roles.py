"""The ready groups: viewer, operator, approver and administrator."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

_VIEWER = (
    "timestep.view_run",
    "timestep.view_queue",
    "timestep.view_schedule",
    "timestep.view_tick",
    "timestep.view_worker",
    "timestep.view_hold",
    "timestep.view_modellimit",
    "workflows.view_agentdefinition",
    "workflows.view_agentversion",
    "approvals.view_approvalrequest",
    "approvals.view_decision",
    "approvals.view_policy",
)
_OPERATOR = (
    *_VIEWER,
    "timestep.launch_run",
    "timestep.cancel_run",
    "timestep.retry_run",
    "timestep.view_traceback",
    "timestep.add_schedule",
    "timestep.change_schedule",
    "timestep.operate_queue",
    "timestep.operate_hold",
    "timestep.operate_modellimit",
    "timestep.drain_worker",
)
_APPROVER = (*_VIEWER, "approvals.decide_approvalrequest")
ROLES = {"viewer": _VIEWER, "operator": _OPERATOR, "approver": _APPROVER}
ADMINISTRATOR = "administrator"
# Whose permissions administrators have, all of them.
_APPS = ("approvals", "auth", "timestep", "workflows")


@transaction.atomic
def keep_roles() -> None:
    """Make the groups that are missing, and give each what it lacks; nothing is taken away.

    Named in the setting `TIMESTEP_AFTER_MIGRATE`.
    """
    for name, permissions in ROLES.items():
        _give(name, _named(permissions))
    _give(ADMINISTRATOR, Q(content_type__app_label__in=_APPS))


def _named(permissions: tuple[str, ...]) -> Q:
    wanted = Q(pk__in=[])
    for permission in permissions:
        app, _, codename = permission.partition(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return wanted


def _give(name: str, wanted: Q) -> None:
    group, _ = Group.objects.get_or_create(name=name)
    group.permissions.add(*Permission.objects.filter(wanted))

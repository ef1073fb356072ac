"""People with a role, as the tests of access need them."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission, User

from approvals.models import AgentAccess


def person(name: str, *permissions: str, active: bool = True, staff: bool = False) -> User:
    """A user with these permissions (`app.codename`), read anew: nothing is cached on it."""
    user = User.objects.create_user(name, password="x", is_active=active, is_staff=staff)
    for permission in permissions:
        app, _, codename = permission.partition(".")
        kept = Permission.objects.get(content_type__app_label=app, codename=codename)
        user.user_permissions.add(kept)
    return anew(user)


def anew(user: User) -> User:
    """The user as the next request loads it."""
    return User.objects.get(pk=user.pk)


def keep(agent: str, who: User | Group, **acts: bool) -> AgentAccess:
    """From now on the agent is for this user or group, and whoever else is named."""
    named = {"user": who} if isinstance(who, User) else {"group": who}
    return AgentAccess.objects.create(agent=agent, **named, **acts)

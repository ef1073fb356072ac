"""Who may do what on a page: signed in to look, a named permission to act."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_htmx.middleware import HtmxDetails

View = Callable[..., HttpResponseBase]


class PageRequest(HttpRequest):
    """A request as the middleware hands it on: `htmx` is true where a part of the page is asked."""

    htmx: HtmxDetails


def refuse(request: HttpRequest, permission: str, agent: str = "") -> NoReturn:
    """Answer with a page that names the permission.

    Args:
        request: Whose.
        permission: What is lacking.
        agent: Where access to this agent would do as well.
    """
    wanted = f"the permission {permission}" + (f", or access to the agent {agent}" if agent else "")
    raise PermissionDenied(
        f"This needs {wanted}, which {request.user.get_username()} has not. "
        "Whoever keeps the users in the admin can give it."
    )


def needs(permission: str) -> Callable[[View], View]:
    """Let only signed-in people with this permission in; the refusal names it.

    Args:
        permission: As Django writes it, for example `timestep.launch_run`.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.has_perm(permission):
                refuse(request, permission)
            return view(request, *args, **kwargs)

        return login_required(checked)

    return decorate

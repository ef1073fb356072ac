"""What the acts of operators on pages share: who acts, what is answered, and where to then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from timestep.confirming import Step, ask_first, is_confirmed, try_out
from timestep.errors import (
    HoldNotFound,
    InvalidInput,
    QueueNotFound,
    RunNotFound,
    TimestepError,
    WorkerNotFound,
)
from timestep.services.audit import Actor
from workflows.views.launch_forms import current_user

_MISSING = (RunNotFound, QueueNotFound, WorkerNotFound, HoldNotFound)


def actor(request: HttpRequest) -> Actor:
    """The signed-in person, for the audit trail."""
    return Actor(current_user(request).get_username(), "page")


def back_to(request: HttpRequest, usual: str) -> str:
    """The page of this site that the form was on, or the usual one."""
    asked = request.POST.get("back", "")
    own = url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if own else usual


def done(
    request: HttpRequest,
    act: Callable[[], Any],
    *,
    said: str,
    back: str,
    then: str = "",
    first: Step | None = None,
) -> HttpResponse:
    """Do the act and go back, or answer with a page that says why nothing was done.

    Args:
        request: A POST of somebody who may do it.
        act: What is to be done.
        said: What the next page says then.
        back: The page that it was asked on.
        then: Where to afterwards, where that is another page.
        first: What is asked before, where the act cannot be undone.
    """
    asks = first is not None and not is_confirmed(request)
    try:
        try_out(act) if asks else act()
    except _MISSING as error:
        raise Http404(str(error)) from error
    except TimestepError as error:
        status = 422 if isinstance(error, InvalidInput) else 409
        context = {"error": error, "back": back}
        return render(request, "workflows/refused.html", context, status=status)
    if first is not None and asks:
        return ask_first(request, first)
    messages.success(request, said)
    return redirect(then or back)

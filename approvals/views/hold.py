"""Saying that one reviews a request, and handing it over to somebody else."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from approvals.errors import NotPermitted
from approvals.services.claims import claim, hand_over, release
from approvals.views.requests import card_context, load, person
from timestep.access import PageRequest
from timestep.errors import InvalidInput, TimestepError
from timestep.storable import storable_text


@require_POST
@login_required
def claim_request(request: PageRequest, approval_id: str) -> HttpResponse:
    """Claim, or release; whoever comes second is told who reviews it."""
    load(request, approval_id)
    act = release if request.POST.get("hold") == "release" else claim
    problem: TimestepError | None = None
    try:
        act(approval_id, by=person(request))
    except NotPermitted as error:
        raise PermissionDenied(str(error)) from error
    except TimestepError as error:
        problem = error
    if not request.htmx:
        return _back(request, approval_id, problem)
    place, whole = request.POST.get("in", ""), request.POST.get("whole") == "1"
    context = card_context(request, load(request, approval_id), place, whole=whole)
    context["problem"] = problem
    return render(request, "approvals/_card.html", context, status=409 if problem else 200)


@require_POST
@login_required
def hand_over_request(request: PageRequest, approval_id: str) -> HttpResponse:
    """Ask somebody else who may decide; they are told."""
    load(request, approval_id)
    problem: TimestepError | None = None
    try:
        hand_over(approval_id, by=person(request), to=_named(request.POST.get("to", "")))
    except NotPermitted as error:
        raise PermissionDenied(str(error)) from error
    except TimestepError as error:
        problem = error
    return _back(request, approval_id, problem)


def _named(username: str) -> User:
    found = get_user_model().objects.filter(username=storable_text(username)).first()
    if found is None:
        raise InvalidInput("to", "choose somebody who may decide this request")
    return found


def _back(request: PageRequest, approval_id: str, problem: TimestepError | None) -> HttpResponse:
    """The page of the request, saying what was not done."""
    if problem is not None:
        said = problem.message if isinstance(problem, InvalidInput) else str(problem)
        messages.error(request, said)
    if request.POST.get("in") == "run":
        return redirect("run", load(request, approval_id).run_id)
    return redirect("approval", approval_id)

"""Sending a decision."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from approvals.errors import AlreadyDecided, RequestNotFound, RequestVoid
from approvals.models import RequestKind
from approvals.services.decisions import decide, resolve_unknown
from approvals.views.requests import load
from timestep.access import PageRequest, needs
from timestep.errors import InvalidInput, TimestepError


@require_POST
@needs("approvals.decide_approvalrequest")
def decide_request(request: PageRequest, approval_id: str) -> HttpResponse:
    """Decide, once: whoever comes second is told who decided what, and when."""
    problem: TimestepError
    try:
        _send(request, approval_id)
    except RequestNotFound as error:
        raise Http404(str(error)) from error
    except (AlreadyDecided, RequestVoid) as error:
        problem, status = error, 409
    except TimestepError as error:
        problem, status = error, 422
    else:
        return _after(request, approval_id)
    context = _context(request, approval_id) | {"problem": problem, "typed": request.POST}
    if isinstance(problem, InvalidInput):
        context |= {"wrong_field": problem.field, "wrong": problem.message}
    template = "approvals/_card.html" if request.htmx else "approvals/page.html"
    return render(request, template, context, status=status)


def _send(request: PageRequest, approval_id: str) -> None:
    asked, by, sent = load(approval_id), request.user, request.POST
    if not isinstance(by, User):
        raise TypeError("this view needs a signed-in user")
    if asked.kind == RequestKind.OUTCOME_UNKNOWN:
        outcome, result = sent.get("decision", ""), _typed(sent, "result")
        resolve_unknown(approval_id, outcome=outcome, result=result, by=by, via="page")
        return
    choice = {"approve": True, "reject": False}.get(sent.get("decision", ""))
    if choice is None:
        raise InvalidInput("decision", "must be approve or reject")
    reason = _typed(sent, "reason")
    if not choice and not reason.strip():
        raise InvalidInput("reason", "say why it is rejected; the model is told")
    decide(approval_id, approve=choice, by=by, reason=reason, via="page")


def _typed(sent: QueryDict, name: str) -> str:
    return sent.get(name, "").replace("\r\n", "\n")


def _after(request: PageRequest, approval_id: str) -> HttpResponse:
    """The decided card; without JavaScript, the page that the form was on."""
    if request.htmx:
        return render(request, "approvals/_card.html", _context(request, approval_id))
    asked = load(approval_id)
    if request.POST.get("in") == "run":
        return redirect("run", asked.run_id)
    return redirect("approval", approval_id)


def _context(request: PageRequest, approval_id: str) -> dict[str, object]:
    return {"asked": load(approval_id), "in_run": request.POST.get("in") == "run"}

"""Sending a decision."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals.errors import (
    AlreadyDecided,
    ArgumentsChanged,
    DeadlinePassed,
    NotPermitted,
    RequestNotFound,
    RequestVoid,
)
from approvals.fields import is_truncated
from approvals.models import ApprovalRequest, RequestKind
from approvals.services.decisions import decide, resolve_unknown
from approvals.steps import answer_step, decision_step
from approvals.typed import PREFIX, typed_arguments
from approvals.views.requests import card_context, load, person
from timestep.access import PageRequest
from timestep.confirming import Step, ask_first, is_confirmed, try_out
from timestep.errors import InvalidInput, TimestepError

_TOO_LATE = (AlreadyDecided, RequestVoid, ArgumentsChanged, DeadlinePassed)


@require_POST
@login_required
def decide_request(request: PageRequest, approval_id: str) -> HttpResponse:
    """Decide, once: whoever comes second is told who decided what, and when."""
    asked = load(request, approval_id)
    try:
        if not is_confirmed(request):
            try_out(lambda: _send(request, asked))
            return ask_first(request, _step(request, asked))
        _send(request, asked)
    except RequestNotFound as error:
        raise Http404(str(error)) from error
    except NotPermitted as error:
        raise PermissionDenied(str(error)) from error
    except TimestepError as error:
        return _refused(request, approval_id, error)
    return _after(request, approval_id)


def _step(request: PageRequest, asked: ApprovalRequest) -> Step:
    """What is asked before a decision that would be taken."""
    sent = request.POST
    back = reverse("run", args=[asked.run_id]) if sent.get("in") == "run" else ""
    back = back or reverse("approval", args=[asked.approval_id])
    if asked.kind == RequestKind.OUTCOME_UNKNOWN:
        return answer_step(asked, sent.get("decision", ""), typed_text(sent, "result"), back)
    return decision_step(asked, sent.get("decision", ""), answer_of(asked, sent), back)


def _send(request: PageRequest, asked: ApprovalRequest) -> None:
    sent, by = request.POST, person(request)
    if asked.kind == RequestKind.OUTCOME_UNKNOWN:
        outcome, result = sent.get("decision", ""), typed_text(sent, "result")
        resolve_unknown(asked.approval_id, outcome=outcome, result=result, by=by, via="page")
        return
    answer = answer_of(asked, sent)
    decide(asked.approval_id, by=by, via="page", shown=sent.get("shown") or None, **answer)


def answer_of(asked: ApprovalRequest, sent: QueryDict) -> dict[str, Any]:
    """What was pressed, as the service takes it. Raises InvalidInput."""
    pressed = sent.get("decision", "")
    if pressed not in ("approve", "approve_for_run", "edit", "reject"):
        raise InvalidInput("decision", "must be approve or reject")
    if pressed == "reject":
        return {"approve": False, "reason": needed_reason(sent)}
    if is_truncated(asked) and sent.get("whole") != "1":
        raise InvalidInput("arguments", "were not all shown; show all of them, then approve")
    if pressed == "edit":
        return {"approve": True, "arguments": typed_arguments(asked, sent)}
    return {"approve": True, "for_run": pressed == "approve_for_run"}


def needed_reason(sent: QueryDict) -> str:
    """Why it is rejected. Raises InvalidInput where nothing was typed."""
    reason = typed_text(sent, "reason")
    if not reason.strip():
        raise InvalidInput("reason", "say why it is rejected; the model is told")
    return reason


def typed_text(sent: QueryDict, name: str) -> str:
    """A text as it was typed; browsers send line ends of their own."""
    return sent.get(name, "").replace("\r\n", "\n")


def _refused(request: PageRequest, approval_id: str, problem: TimestepError) -> HttpResponse:
    """The card as it stands now, with what was typed and why it was not taken."""
    asked = load(request, approval_id)
    place, whole = request.POST.get("in", ""), request.POST.get("whole") == "1"
    context = card_context(request, asked, place, whole=whole)
    context |= {"problem": problem, "typed": request.POST}
    context["editing"] = request.POST.get("decision") == "edit"
    if isinstance(problem, InvalidInput):
        name = problem.field.removeprefix(PREFIX)
        wrong = problem.message if problem.field == "reason" else f"{name}: {problem.message}"
        context |= {"wrong_field": problem.field, "wrong": wrong}
    template = "approvals/_card.html" if request.htmx else "approvals/page.html"
    status = 409 if isinstance(problem, _TOO_LATE) else 422
    return render(request, template, context, status=status)


def _after(request: PageRequest, approval_id: str) -> HttpResponse:
    """The card as it stands now; without JavaScript, the page that the form was on."""
    asked = load(request, approval_id)
    place = request.POST.get("in", "")
    if request.htmx:
        return render(request, "approvals/_card.html", card_context(request, asked, place))
    if place == "run":
        return redirect("run", asked.run_id)
    return redirect("approval", approval_id)

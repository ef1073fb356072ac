"""Deciding several requests together, each by itself."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals.errors import RequestNotFound
from approvals.models import ApprovalRequest, Vote
from approvals.selectors.inbox import get_seen
from approvals.services.decisions import decide
from approvals.steps import batch_step
from approvals.views.decide import answer_of
from approvals.views.requests import person
from approvals.wording import act_of
from timestep.access import PageRequest
from timestep.confirming import Step, ask_first, is_confirmed
from timestep.errors import InvalidInput, TimestepError

MOST = 100


@dataclass(frozen=True)
class Result:
    """What became of one of them."""

    approval_id: str
    act: str
    done: bool
    words: str


@require_POST
@login_required
def decide_selected(request: PageRequest) -> HttpResponse:
    """Decide each of the selected requests; what one is refused for touches no other."""
    chosen = request.POST.getlist("id")
    context: dict[str, object] = {"back": request.POST.get("back", "")}
    try:
        _check(chosen, request.POST)
    except InvalidInput as error:
        return render(request, _template(request), context | {"error": error}, status=422)
    if not is_confirmed(request):
        return ask_first(request, _step(person(request), chosen, request.POST))
    results = [_decide(person(request), one, request.POST) for one in chosen]
    context |= {"results": results, "done": sum(result.done for result in results)}
    return render(request, _template(request), context)


def _step(by: User, chosen: list[str], sent: QueryDict) -> Step:
    """What is asked before: the act of each, or that there is no such request."""
    acts = []
    for approval_id in (one.partition(":")[0] for one in chosen):
        try:
            acts.append(act_of(get_seen(by, approval_id)).text)
        except RequestNotFound as error:
            acts.append(str(error))
    back = reverse("approvals") + (f"?{sent['back']}" if sent.get("back") else "")
    approve = sent.get("decision") == "approve"
    return batch_step(acts, approve=approve, reason=sent.get("reason", ""), back=back)


def _template(request: PageRequest) -> str:
    return "approvals/_results.html" if request.htmx else "approvals/results.html"


def _check(chosen: list[str], sent: QueryDict) -> None:
    """Refuse the whole where nothing of it could be done."""
    if not 0 < len(chosen) <= MOST:
        raise InvalidInput("id", f"select between 1 and {MOST} requests")
    if sent.get("decision") not in ("approve", "reject"):
        raise InvalidInput("decision", "must be approve or reject")
    if sent.get("decision") == "reject" and not sent.get("reason", "").strip():
        raise InvalidInput("reason", "say why they are rejected; the model is told")


def _decide(by: User, chosen: str, sent: QueryDict) -> Result:
    """Decide one: its id, a colon, and the digest of the arguments that were shown."""
    approval_id, _, shown = chosen.partition(":")
    act = ""
    try:
        asked = get_seen(by, approval_id)
        act = act_of(asked).text
        words = _send(by, asked, shown, sent)
    except RequestNotFound as error:
        return Result("", approval_id[:64], False, str(error))
    except TimestepError as error:
        return Result(approval_id, act, False, str(error))
    return Result(approval_id, act, True, words)


def _send(by: User, asked: ApprovalRequest, shown: str, sent: QueryDict) -> str:
    if not shown:
        raise InvalidInput("id", "must name the arguments that were shown, as <id>:<digest>")
    answer = answer_of(asked, sent)
    made = decide(asked.approval_id, by=by, via="page", shown=shown, **answer)
    if isinstance(made, Vote):
        return "your approval counts; others are still needed"
    return "approved" if answer["approve"] else "rejected"

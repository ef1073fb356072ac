"""The page of policies: what they say, and which one a call would meet. It changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from approvals.access import sight_of
from approvals.policies.matching import Call, judge, looks
from approvals.selectors.policies import policy_lines, stuck_requests
from timestep.access import PageRequest, needs
from timestep.arguments import parse_arguments

_NAME_LIMIT = 100
_ARGUMENTS_LIMIT = 50_000


@dataclass(frozen=True)
class Trial:
    """A call that somebody asks about, as it was typed."""

    agent: str = ""
    tool: str = ""
    arguments: str = ""
    asks: bool = True

    @classmethod
    def typed(cls, sent: QueryDict, *, asks: bool) -> Trial:
        """What was sent, cut to what a call can be."""
        return cls(
            agent=sent.get("agent", "").strip()[:_NAME_LIMIT],
            tool=sent.get("tool", "").strip()[:_NAME_LIMIT],
            arguments=sent.get("arguments", "")[:_ARGUMENTS_LIMIT],
            asks=asks,
        )

    @property
    def call(self) -> Call:
        """The call, its arguments read as the gate reads them."""
        return Call(self.agent, self.tool, parse_arguments(self.arguments.strip() or "{}"))


@require_http_methods(["GET", "HEAD", "POST"])
@needs("approvals.view_policy")
def policies(request: PageRequest) -> HttpResponse:
    """All policies; after a POST also which one the typed call would meet, and why."""
    sent = request.method == "POST"
    trial = (
        Trial.typed(request.POST, asks="asks" in request.POST)
        if sent
        else Trial.typed(request.GET, asks=True)
    )
    context: dict[str, object] = {"lines": policy_lines(), "trial": trial, "sent": sent}
    if request.user.has_perm("approvals.change_policy"):
        context["stuck"] = stuck_requests(sight_of(request.user))
    if sent:
        call = trial.call
        context["judgement"] = judge(call, asks=trial.asks)
        context["looks"] = looks(call)
        context["unread"] = not isinstance(call.arguments, dict)
    return render(request, "approvals/policies/page.html", context)

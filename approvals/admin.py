"""Approvals in Django's admin: read-only, with actions that call the same service as the pages."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from approvals import admin_access, admin_deliveries, admin_policies  # noqa: F401 - registers what they hold
from approvals.access import Sight
from approvals.admin_asks import ask, was_asked
from approvals.admin_lists import ReadOnlyAdmin, SeenAdmin
from approvals.models import ApprovalRequest, AuditEntry, Decision, Vote
from approvals.policies.people import PERMISSION
from approvals.services.decisions import REASON_LIMIT, decide
from timestep.errors import TimestepError

_AT_ONCE = 100


class ReasonForm(forms.Form):
    """Why; needed to reject."""

    reason = forms.CharField(
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text="The model is told.",
    )


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ReadOnlyAdmin[ApprovalRequest], SeenAdmin[ApprovalRequest]):
    """Requests, with Approve and Reject by way of a page that asks for the reason."""

    list_display = ("approval_id", "status", "tool", "agent", "created_at", "kind", "run")
    list_filter = ("status", "kind")
    list_select_related = ("run",)
    ordering = ("-approval_id",)
    search_fields = ("approval_id__exact", "run__run_id__exact")
    search_help_text = "A whole approval id or run id."
    actions = ("approve_selected", "reject_selected")

    def seen(self, sight: Sight) -> Q:
        """The requests that the person sees."""
        return sight.requests()

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Whether the two actions are offered; the service checks again."""
        return _may_decide(request.user)

    @admin.action(description="Approve", permissions=["decide"])
    def approve_selected(
        self, request: HttpRequest, queryset: QuerySet[ApprovalRequest]
    ) -> TemplateResponse | None:
        """Ask, then approve each of the selected requests by itself."""
        return self._decide_selected(request, queryset, approve=True)

    @admin.action(description="Reject", permissions=["decide"])
    def reject_selected(
        self, request: HttpRequest, queryset: QuerySet[ApprovalRequest]
    ) -> TemplateResponse | None:
        """Ask for the reason, then reject each of the selected requests by itself."""
        return self._decide_selected(request, queryset, approve=False)

    def _decide_selected(
        self, request: HttpRequest, queryset: QuerySet[ApprovalRequest], *, approve: bool
    ) -> TemplateResponse | None:
        selected = list(queryset[: _AT_ONCE + 1])
        if len(selected) > _AT_ONCE:
            self.message_user(request, f"Select at most {_AT_ONCE} at once.", messages.ERROR)
            return None
        form = ReasonForm(request.POST if was_asked(request) else None)
        form.fields["reason"].required = not approve
        form.fields["reason"].label = "Reason (optional)" if approve else "Reason"
        if not form.is_valid():
            word = "Approve" if approve else "Reject"
            return ask(
                self,
                request,
                [row.pk for row in selected],
                form,
                title=f"{word} selected requests",
                word=word,
                template="admin/approvals/approvalrequest/decide.html",
                selected=selected,
            )
        self._decide_each(request, selected, form.cleaned_data["reason"], approve=approve)
        return None

    def _decide_each(
        self, request: HttpRequest, selected: list[ApprovalRequest], reason: str, *, approve: bool
    ) -> None:
        done = 0
        for row in selected:
            try:
                made = decide(
                    row.pk, approve=approve, by=_user(request), reason=reason, via="admin"
                )
            except TimestepError as error:
                self.message_user(request, str(error), messages.WARNING)
            else:
                done += isinstance(made, Decision)
                if isinstance(made, Vote):
                    self.message_user(request, f"{made.request_id}: {made}.", messages.SUCCESS)
        if done:
            word = "approved" if approve else "rejected"
            self.message_user(request, f"{done} {word}.", messages.SUCCESS)


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin[Decision], SeenAdmin[Decision]):
    """What was decided."""

    list_display = ("request_id", "outcome", "decided_by_name", "via", "decided_at")
    ordering = ("-request_id",)
    search_fields = ("request_id__exact",)
    search_help_text = "A whole approval id."

    def seen(self, sight: Sight) -> Q:
        """Those on requests that the person sees."""
        return Q(request__in=ApprovalRequest.objects.filter(sight.requests()))


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin[AuditEntry]):
    """The audit trail, latest first."""

    list_display = ("number", "at", "actor", "via", "act", "subject")
    ordering = ("-number",)
    search_fields = ("subject__exact",)
    search_help_text = "A whole approval id."


def _may_decide(user: User | AnonymousUser) -> bool:
    return isinstance(user, User) and user.has_perm(PERMISSION)


def _user(request: HttpRequest) -> User:
    """The signed-in user; the admin lets nobody else in."""
    if not isinstance(request.user, User):
        raise TypeError("an admin action without a user")
    return request.user

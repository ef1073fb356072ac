"""Runs in the admin: read-only, with the acts that pages offer."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ActionForm
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from approvals.access import Sight
from approvals.admin_lists import ReadOnlyAdmin, SeenAdmin, shown
from approvals.masking import masked_text
from timestep.models import Queue, Run
from timestep.services.cancel import cancel
from timestep.services.present import public_error
from timestep.services.retry import read_turns, retry
from workflows.admin.acts import act_on_each, allowed, launched, selected, user_of
from workflows.models import AgentDefinition
from workflows.services.launching import launch_again

_FILTER_CHOICES = 200


class AgentFilter(admin.SimpleListFilter):
    """By agent; the choices come from the definitions, never from a scan of the runs."""

    title = "agent"
    parameter_name = "agent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The definitions."""
        slugs = AgentDefinition.objects.order_by("slug").values_list("slug", flat=True)
        return [(slug, slug) for slug in slugs[:_FILTER_CHOICES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """The runs of the chosen one."""
        chosen = self.value()
        return queryset.filter(agent=chosen) if chosen else queryset


class QueueFilter(admin.SimpleListFilter):
    """By queue."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The queues that have settings."""
        names = Queue.objects.order_by("name").values_list("name", flat=True)
        return [(name, name) for name in names[:_FILTER_CHOICES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """The runs of the chosen one."""
        chosen = self.value()
        return queryset.filter(queue=chosen) if chosen else queryset


class RunActionForm(ActionForm):
    """The actions, with what a retry of a run that ran out of turns must be told."""

    max_turns = forms.IntegerField(required=False, min_value=1, label="Turns in all, for a retry")


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin[Run], SeenAdmin[Run]):
    """Every run, newest first."""

    list_display = (
        "run_id",
        "status",
        "agent",
        "agent_version",
        "queue",
        "launched_by",
        "created_at",
        "finished_at",
        "total_tokens",
    )
    list_filter = ("status", AgentFilter, QueueFilter)
    list_select_related = ("launched_by",)
    search_fields = ("run_id__exact", "session_id__exact")
    search_help_text = "A whole run id or session id."
    ordering = ("-created_at", "-run_id")
    action_form = RunActionForm
    actions = ("cancel_selected", "retry_selected", "launch_again", "launch_again_latest")

    def seen(self, sight: Sight) -> Q:
        """The runs that the person sees."""
        return sight.runs()

    def get_fields(self, request: HttpRequest, obj: Run | None = None) -> list[Any]:
        """All columns, but the traceback only for those who may see it."""
        columns = [shown(one) for one in self.opts.fields if one.name not in ("error", "spec")]
        traced = user_of(request).has_perm("timestep.view_traceback")
        return [*columns, "error_with_traceback" if traced else "error_in_public"]

    @admin.display(description="Error")
    def error_in_public(self, obj: Run) -> str:
        """What failed."""
        return json.dumps(public_error(obj.error), indent=1) if obj.error else "-"

    @admin.display(description="Error")
    def error_with_traceback(self, obj: Run) -> str:
        """What failed, with the traceback below it."""
        if not obj.error:
            return "-"
        return f"{self.error_in_public(obj)}\n{masked_text(obj.error.get('traceback', ''))}"

    def has_launch_permission(self, request: HttpRequest) -> bool:
        """Whether "launch again" is offered."""
        return user_of(request).has_perm("timestep.launch_run")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Whether "cancel" is offered."""
        return user_of(request).has_perm("timestep.cancel_run")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Whether "retry" is offered."""
        return user_of(request).has_perm("timestep.retry_run")

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Cancel each selected run."""
        by = user_of(request).get_username()
        keys = selected(request, queryset)
        act_on_each(
            request,
            keys,
            lambda key: f"Cancelling {cancel(allowed(request, 'cancel', key), by=by).run_id}.",
        )

    @admin.action(description="Retry from the failed step", permissions=["retry"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Continue each selected run where it failed."""
        by = user_of(request).get_username()
        written = request.POST.get("max_turns", "")

        def act(key: str) -> str:
            run_id, turns = allowed(request, "retry", key), read_turns(written)
            return f"Retrying {retry(run_id, by=by, max_turns=turns).run_id}."

        act_on_each(request, selected(request, queryset), act)

    @admin.action(description="Launch again (same version)", permissions=["launch"])
    def launch_again(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Launch each selected run again with its pinned spec."""
        self._again(request, queryset, latest=False)

    @admin.action(description="Launch again (latest version)", permissions=["launch"])
    def launch_again_latest(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Launch each selected run's input again with its agent's latest version."""
        self._again(request, queryset, latest=True)

    def _again(self, request: HttpRequest, queryset: QuerySet[Run], *, latest: bool) -> None:
        user = user_of(request)
        act_on_each(
            request,
            selected(request, queryset),
            lambda key: launched(
                launch_again(
                    allowed(request, "launch", key), by=user, launched_from="admin", latest=latest
                )
            ),
        )

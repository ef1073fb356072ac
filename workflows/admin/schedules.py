"""Schedules in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse

from approvals.admin_lists import ReadOnlyAdmin
from workflows.admin.acts import act_on_each, launched, selected, user_of
from workflows.admin.forms import ScheduleForm
from workflows.models import Schedule, Tick
from workflows.services.schedules import pause, resume, run_now, save_schedule


@admin.register(Schedule)
class ScheduleAdmin(admin.ModelAdmin[Schedule]):
    """Saving goes through `save_schedule`, which works out the next tick."""

    form = ScheduleForm
    list_display = ("name", "agent_id", "cron", "timezone", "active", "next_at", "last_at")
    list_filter = ("active",)
    search_fields = ("name", "agent__slug")
    ordering = ("name",)
    actions = ("run_selected_now", "pause_selected", "resume_selected")
    readonly_fields = ("next_at", "last_at")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Schedule | None = None
    ) -> tuple[str, ...]:
        """A name never changes: runs refer to it."""
        return ("name", *self.readonly_fields) if obj is not None else self.readonly_fields

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        """What became invalid between the form's check and the save is a message, too."""
        try:
            return super().changeform_view(request, *args, **options)
        except ValidationError as error:
            messages.error(request, "; ".join(error.messages))
            return redirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        """Save through the service."""
        saved = save_schedule(form.service_fields(), name=obj.name if change else None)
        obj.next_at = saved.next_at

    def has_launch_permission(self, request: HttpRequest) -> bool:
        """Whether "run now" is offered."""
        return user_of(request).has_perm("timestep.launch_run")

    @admin.action(description="Run schedule now", permissions=["launch"])
    def run_selected_now(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Launch what each selected schedule launches."""
        user = user_of(request)
        act_on_each(
            request,
            selected(request, queryset),
            lambda name: launched(run_now(name, by=user, launched_from="admin")),
        )

    @admin.action(description="Pause schedule", permissions=["change"])
    def pause_selected(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Stop launching by the clock."""
        names = selected(request, queryset)
        act_on_each(request, names, lambda name: f"Paused {pause(name).name}.")

    @admin.action(description="Resume schedule", permissions=["change"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Launch by the clock again."""
        names = selected(request, queryset)
        act_on_each(request, names, _resumed)


def _resumed(name: str) -> str:
    schedule = resume(name)
    return f"Resumed {schedule.name}; next at {schedule.next_at:%Y-%m-%d %H:%M:%S} UTC."


@admin.register(Tick)
class TickAdmin(ReadOnlyAdmin[Tick]):
    """When schedules fired, what they launched, and what they missed."""

    list_display = ("schedule_id", "at", "run_id", "note")
    search_fields = ("schedule__name__exact", "run_id__exact")
    search_help_text = "A whole name of a schedule, or a run id."
    ordering = ("-id",)

    def has_delete_permission(self, request: HttpRequest, obj: Tick | None = None) -> bool:
        """Ticks go with their schedule only; the admin asks this when one is deleted."""
        deleting = request.path.startswith(reverse("admin:workflows_schedule_changelist"))
        return deleting and request.user.has_perm("workflows.delete_schedule")

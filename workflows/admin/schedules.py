"""Schedules in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from approvals.access import Sight
from approvals.admin_asks import ask, was_asked
from approvals.admin_lists import ReadOnlyAdmin, SeenAdmin
from approvals.errors import AgentKept
from timestep.models import Schedule, Tick
from timestep.services.audit import Actor
from timestep.services.cron_words import in_words
from timestep.services.schedules import delete, pause, resume, save_schedule
from timestep.services.ticks import run_now
from workflows.admin.acts import act_on_each, actor_of, allowed_agent, launched, selected, user_of
from workflows.admin.forms import ScheduleForm
from workflows.admin.schedule_acts import ActForm, BackfillForm, PauseForm, backfilled, would_run


@admin.register(Schedule)
class ScheduleAdmin(SeenAdmin[Schedule]):
    """Saving goes through `save_schedule`, which works out the next tick.

    What a program made is changed in the program, which would say it again at its next start; here
    it can be run, paused, resumed and deleted.
    """

    form = ScheduleForm
    list_display = (
        "name", "agent", "cron", "when", "timezone", "overlap", "paused", "next_at", "last_at",
        "made_by",
    )  # fmt: skip
    list_filter = ("paused", "overlap")
    list_select_related = ("created_by",)
    search_fields = ("name", "agent")
    ordering = ("name",)
    actions = ("run_selected_now", "pause_selected", "resume_selected", "backfill_selected")
    readonly_fields = ("when", "next_at", "last_at", "made_by", "pause")

    def seen(self, sight: Sight) -> Q:
        """The schedules of agents that the person sees."""
        return sight.agents_in("agent")

    @admin.display(description="When")
    def when(self, obj: Schedule) -> str:
        """The line in plain words."""
        return in_words(obj.cron) if obj.cron else ""

    @admin.display(description="Made by")
    def made_by(self, obj: Schedule) -> str:
        """The program or the person."""
        if obj.spec_id is not None:
            return obj.created_from
        return obj.created_by.get_username() if obj.created_by else ""

    @admin.display(description="Pause")
    def pause(self, obj: Schedule) -> str:
        """Since when it is paused, by whom and why."""
        if obj.paused_at is None:
            return "not paused"
        by = f" by {obj.paused_by}" if obj.paused_by else ""
        why = f": {obj.paused_why}" if obj.paused_why else ""
        return f"since {obj.paused_at:%Y-%m-%d %H:%M:%S} UTC{by}{why}"

    def get_readonly_fields(
        self, request: HttpRequest, obj: Schedule | None = None
    ) -> tuple[str, ...]:
        """A name never changes: runs refer to it."""
        return ("name", *self.readonly_fields) if obj is not None else self.readonly_fields

    def has_change_permission(self, request: HttpRequest, obj: Schedule | None = None) -> bool:
        """What a program made is shown, and changed there."""
        if obj is not None and obj.spec_id is not None:
            return False
        return super().has_change_permission(request, obj)

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        """What became invalid between the form's check and the save is a message, too."""
        try:
            return super().changeform_view(request, *args, **options)
        except ValidationError as error:
            messages.error(request, "; ".join(error.messages))
        except AgentKept as error:
            messages.error(request, str(error))
        return redirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Schedule, form: Any, change: bool) -> None:
        """Save through the service."""
        name = obj.name if change else None
        fields, by = form.service_fields(), user_of(request)
        allowed_agent(request, fields["agent"])
        obj.next_at = save_schedule(fields, name=name, by=by, via="admin").next_at

    def delete_model(self, request: HttpRequest, obj: Schedule) -> None:
        """Delete through the service, which records it."""
        delete(obj.name, by=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Delete each through the service."""
        for name in list(queryset.values_list("name", flat=True)):
            delete(name, by=actor_of(request))

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
            lambda name: launched(run_now(_allowed(request, name), by=user, launched_from="admin")),
        )

    @admin.action(description="Pause schedule…", permissions=["change"])
    def pause_selected(
        self, request: HttpRequest, queryset: QuerySet[Schedule]
    ) -> HttpResponse | None:
        """Ask why, then stop launching by the clock."""
        names, by = selected(request, queryset), actor_of(request)
        form = PauseForm(request.POST if was_asked(request) else None)
        if names and not form.is_valid():
            return self._ask(request, names, form, word="Pause")
        why = form.cleaned_data["why"] if names else ""
        act_on_each(request, names, lambda name: f"Paused {pause(name, by=by, why=why).name}.")
        return None

    @admin.action(description="Backfill schedule…", permissions=["launch"])
    def backfill_selected(
        self, request: HttpRequest, queryset: QuerySet[Schedule]
    ) -> HttpResponse | None:
        """Ask for the range, list what would run, then launch it."""
        names, user = selected(request, queryset), user_of(request)
        form = BackfillForm(request.POST if was_asked(request) else None)
        if not names:
            return None
        # Launched is what was listed: a range that was changed since is listed again.
        if not (form.is_valid() and request.POST.get("listed") == form.range):
            would = would_run(names, form) if form.is_bound and form.is_valid() else []
            word = "Launch" if would else "List what would run"
            return self._ask(request, names, form, word=word, would=would)
        act_on_each(request, names, lambda name: backfilled(_allowed(request, name), form, user))
        return None

    def _ask(
        self, request: HttpRequest, names: list[str], form: ActForm, *, word: str, would: Any = ()
    ) -> HttpResponse:
        return ask(
            self,
            request,
            names,
            form,
            title=f"{request.POST['action'].partition('_')[0].capitalize()} {', '.join(names)}",
            word=word,
            template="admin/timestep/backfill.html",
            would=would,
        )

    @admin.action(description="Resume schedule", permissions=["change"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Launch by the clock again."""
        names = selected(request, queryset)
        by = actor_of(request)
        act_on_each(request, names, lambda name: _resumed(name, by))


def _allowed(request: HttpRequest, name: str) -> str:
    """The name, where the person may launch the schedule's agent."""
    allowed_agent(request, Schedule.objects.only("agent").get(name=name).agent)
    return name


def _resumed(name: str, by: Actor) -> str:
    schedule = resume(name, by=by)
    if schedule.next_at is None:
        return f"Resumed {schedule.name}; its end has passed, so nothing comes any more."
    return f"Resumed {schedule.name}; next at {schedule.next_at:%Y-%m-%d %H:%M:%S} UTC."


@admin.register(Tick)
class TickAdmin(ReadOnlyAdmin[Tick], SeenAdmin[Tick]):
    """When schedules fired, what they launched, and what they missed."""

    list_display = ("schedule_id", "at", "outcome", "late", "run_id", "note")
    list_filter = ("outcome",)
    search_fields = ("schedule__name__exact", "run_id__exact")
    search_help_text = "A whole name of a schedule, or a run id."
    ordering = ("-id",)

    def seen(self, sight: Sight) -> Q:
        """Those of schedules that the person sees."""
        return sight.agents_in("schedule__agent")

    @admin.display(description="Late")
    def late(self, obj: Tick) -> str:
        """How long after its time it fired."""
        return f"{obj.lateness.total_seconds():.1f} s"

    def has_delete_permission(self, request: HttpRequest, obj: Tick | None = None) -> bool:
        """Ticks go with their schedule only; the admin asks this when one is deleted."""
        deleting = request.path.startswith(reverse("admin:timestep_schedule_changelist"))
        return deleting and request.user.has_perm("timestep.delete_schedule")

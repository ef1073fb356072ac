"""Queues, workers and holds in the admin, with the acts that pages offer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from django.contrib import admin, messages
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from approvals.access import Sight
from approvals.admin_asks import ask, was_asked
from approvals.admin_lists import ReadOnlyAdmin, SeenAdmin
from timestep.errors import TimestepError
from timestep.models import Hold, Queue, Worker
from timestep.services import holds, queues, workers
from timestep.services.audit import Actor
from workflows.admin.acts import act_on_each, actor_of, selected, user_of
from workflows.admin.operation_forms import QueueForm, ReasonForm
from workflows.selectors.holds import seen
from workflows.services.queues import delete_queue

_M = TypeVar("_M", bound=models.Model)


class AsksWhy(admin.ModelAdmin[_M]):
    """Actions that need a reason ask for it on a page of their own."""

    def ask_why(
        self, request: HttpRequest, rows: QuerySet[_M], word: str, act: Callable[[str, str], str]
    ) -> HttpResponse | None:
        """Ask, and once it is said do the act for each row, given its key and the reason."""
        keys = selected(request, rows)
        form = ReasonForm(request.POST if was_asked(request) else None)
        if not keys:
            return None
        if form.is_valid():
            why = form.cleaned_data["why"]
            act_on_each(request, keys, lambda key: act(key, why))
            return None
        return ask(self, request, keys, form, title=word, word=word)


@admin.register(Queue)
class QueueAdmin(AsksWhy[Queue]):
    """Limits and pauses; every change goes through the services, which record it."""

    form = QueueForm
    list_display = (
        "name", "limit", "period_seconds", "concurrency", "worker_concurrency", "paused_by"
    )  # fmt: skip
    search_fields = ("name",)
    ordering = ("name",)
    actions = ("pause_selected", "resume_selected")
    readonly_fields = ("paused_at", "paused_by", "paused_why")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Queue | None = None
    ) -> tuple[str, ...]:
        """A name never changes: runs refer to it."""
        return ("name", *self.readonly_fields) if obj is not None else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: Queue, form: Any, change: bool) -> None:
        """Save through the service."""
        act = queues.set_limits if change else queues.create
        act(obj.name, form.limits(), by=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: Queue) -> None:
        """Delete through the service, which refuses one with work in it."""
        delete_queue(obj.name, by=actor_of(request))

    def delete_view(self, request: HttpRequest, object_id: str, *args: Any, **options: Any) -> Any:
        """A refusal is a message."""
        try:
            return super().delete_view(request, object_id, *args, **options)
        except TimestepError as error:
            messages.error(request, str(error))
            return redirect("admin:timestep_queue_change", object_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        """Each by itself, so that one refusal does not stop the others."""
        by = actor_of(request)
        act_on_each(request, selected(request, queryset), partial(_deleted, by=by))

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether pausing is offered."""
        return user_of(request).has_perm("timestep.operate_queue")

    @admin.action(description="Pause queue…", permissions=["operate"])
    def pause_selected(
        self, request: HttpRequest, queryset: QuerySet[Queue]
    ) -> HttpResponse | None:
        """Let nothing of it start, resume or go on."""
        by = actor_of(request)
        return self.ask_why(
            request,
            queryset,
            "Pause",
            lambda name, why: f"Paused {queues.pause(name, by=by, why=why).name}.",
        )

    @admin.action(description="Resume queue", permissions=["operate"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet[Queue]) -> None:
        """Let it go on."""
        by = actor_of(request)
        names = selected(request, queryset)
        act_on_each(request, names, lambda name: f"Resumed {queues.unpause(name, by=by).name}.")


def _deleted(name: str, *, by: Actor) -> str:
    delete_queue(name, by=by)
    return f"Deleted {name}."


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin[Worker]):
    """Who executes and who did."""

    list_display = (
        "worker_id", "kind", "engine_version", "host", "started_at", "heartbeat_at",
        "drain_asked_by", "stopped_at",
    )  # fmt: skip
    list_filter = ("kind",)
    search_fields = ("worker_id__exact",)
    search_help_text = "A whole worker id."
    ordering = ("-heartbeat_at",)
    actions = ("drain_selected", "undrain_selected")

    def has_drain_permission(self, request: HttpRequest) -> bool:
        """Whether draining is offered."""
        return user_of(request).has_perm("timestep.drain_worker")

    @admin.action(description="Drain", permissions=["drain"])
    def drain_selected(self, request: HttpRequest, queryset: QuerySet[Worker]) -> None:
        """Let each finish what it has, and take nothing new."""
        by = actor_of(request)
        keys = selected(request, queryset)
        act_on_each(request, keys, lambda key: f"Draining {workers.drain(key, by=by).worker_id}.")

    @admin.action(description="Take work again", permissions=["drain"])
    def undrain_selected(self, request: HttpRequest, queryset: QuerySet[Worker]) -> None:
        """Let each take work again."""
        by = actor_of(request)
        keys = selected(request, queryset)
        act_on_each(
            request,
            keys,
            lambda key: f"Taking work again: {workers.undrain(key, by=by).worker_id}.",
        )


@admin.register(Hold)
class HoldAdmin(AsksWhy[Hold], ReadOnlyAdmin[Hold], SeenAdmin[Hold]):
    """What is held and what was, by whom and why; the page of the emergency stop places holds."""

    list_display = (
        "kind", "name", "placed_by", "placed_why", "placed_at", "released_by", "released_at"
    )  # fmt: skip
    list_filter = ("kind",)
    search_fields = ("name__exact",)
    search_help_text = "A whole name of an agent or a tool."
    actions = ("release_selected",)

    def seen(self, sight: Sight) -> Q:
        """All but those of agents that are kept from the person."""
        return seen(sight)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether releasing is offered."""
        return user_of(request).has_perm("timestep.operate_hold")

    @admin.action(description="Release…", permissions=["operate"])
    def release_selected(
        self, request: HttpRequest, queryset: QuerySet[Hold]
    ) -> HttpResponse | None:
        """Let what each stopped go on."""
        by = actor_of(request)
        return self.ask_why(
            request,
            queryset,
            "Release",
            lambda key, why: f"Released {holds.release(int(key), by=by, why=why)}.",
        )

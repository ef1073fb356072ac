"""Agent definitions and their versions in the admin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from approvals.access import Sight
from approvals.admin_asks import ask, was_asked
from approvals.admin_lists import ReadOnlyAdmin, SeenAdmin
from timestep.masking import masked
from timestep.models import Schedule
from workflows.admin.acts import act_on_each, allowed_agent, launched, selected, user_of
from workflows.admin.forms import AgentDefinitionForm, LaunchForm
from workflows.models import AgentDefinition, AgentVersion
from workflows.selectors.agents import last_input, used_by
from workflows.services.definitions import save_definition
from workflows.services.launching import launch_agent

# Of what protects a definition from deletion.
MOST_NAMED = 20


@admin.register(AgentDefinition)
class AgentDefinitionAdmin(SeenAdmin[AgentDefinition]):
    """Saving goes through `save_definition`, which makes the versions."""

    form = AgentDefinitionForm
    list_display = ("slug", "name", "model", "latest_version", "active", "updated_at")
    list_filter = ("active",)
    search_fields = ("slug", "name")
    ordering = ("slug",)
    actions = ("launch_selected",)
    readonly_fields = ("versions_link", "updated_at")

    def seen(self, sight: Sight) -> Q:
        """The agents that the person sees."""
        return sight.agents_in("slug")

    @admin.display(description="Versions")
    def versions_link(self, obj: AgentDefinition) -> SafeString | str:
        """Where the versions are listed."""
        if obj.latest_version == 0:
            return "none yet"
        url = reverse("admin:workflows_agentversion_changelist")
        return format_html('<a href="{}?q={}">{} saved</a>', url, obj.slug, obj.latest_version)

    def get_readonly_fields(
        self, request: HttpRequest, obj: AgentDefinition | None = None
    ) -> tuple[str, ...]:
        """A slug never changes: runs and other definitions refer to it."""
        return ("slug", *self.readonly_fields) if obj is not None else self.readonly_fields

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        """What became invalid between the form's check and the save is a message, too."""
        try:
            return super().changeform_view(request, *args, **options)
        except ValidationError as error:
            messages.error(request, "; ".join(error.messages))
            return redirect(request.get_full_path())

    def save_model(
        self, request: HttpRequest, obj: AgentDefinition, form: Any, change: bool
    ) -> None:
        """Save through the service."""
        slug = obj.slug if change else None
        saved = save_definition(form.service_fields(), by=user_of(request), slug=slug)
        obj.latest_version, obj.updated_at = saved.latest_version, saved.updated_at

    def get_deleted_objects(
        self, objs: Sequence[AgentDefinition] | QuerySet[AgentDefinition], request: HttpRequest
    ) -> tuple[list[Any], dict[Any, Any], set[Any], list[Any]]:
        """What hands off to a definition, calls it or launches it protects it from deletion."""
        shown, counts, lacking, protected = super().get_deleted_objects(objs, request)
        going = {one.slug for one in objs}
        users = [(slug, user) for slug in sorted(going) for user in used_by(slug)]
        named = [f"{user} uses {slug}" for slug, user in users if user not in going]
        launching = Schedule.objects.filter(agent__in=going, spec__isnull=True)
        named += [f"schedule {one.name} launches {one.agent}" for one in launching[:MOST_NAMED]]
        return shown, counts, lacking, [*protected, *named]

    def has_launch_permission(self, request: HttpRequest) -> bool:
        """Whether the action is offered."""
        return user_of(request).has_perm("timestep.launch_run")

    @admin.action(description="Launch", permissions=["launch"])
    def launch_selected(
        self, request: HttpRequest, queryset: QuerySet[AgentDefinition]
    ) -> HttpResponse | None:
        """Ask for the input, then launch each selected agent with it."""
        slugs = selected(request, queryset)
        if not slugs:
            return None
        before = last_input(slugs[0]) if len(slugs) == 1 else None
        form = LaunchForm(
            request.POST if was_asked(request) else None, initial={"input": masked(before)}
        )
        if not form.is_valid():
            title = f"Launch {', '.join(slugs)}"
            return ask(self, request, slugs, form, title=title, word="Launch")
        given = form.cleaned_data["input"]
        act_on_each(
            request,
            slugs,
            lambda slug: launched(
                launch_agent(
                    allowed_agent(request, slug),
                    input=given,
                    by=user_of(request),
                    launched_from="admin",
                )
            ),
        )
        return None


@admin.register(AgentVersion)
class AgentVersionAdmin(ReadOnlyAdmin[AgentVersion], SeenAdmin[AgentVersion]):
    """What definitions said when they were saved."""

    list_display = ("__str__", "definition_id", "number", "saved_by", "created_at")
    list_select_related = ("saved_by",)
    search_fields = ("definition__slug__exact",)
    search_help_text = "A whole slug."
    ordering = ("-id",)

    def seen(self, sight: Sight) -> Q:
        """Those of agents that the person sees."""
        return sight.agents_in("definition__slug")

    def has_delete_permission(self, request: HttpRequest, obj: AgentVersion | None = None) -> bool:
        """Versions go with their definition only; the admin asks this when one is deleted."""
        deleting = request.path.startswith(reverse("admin:workflows_agentdefinition_changelist"))
        return deleting and request.user.has_perm("workflows.delete_agentdefinition")

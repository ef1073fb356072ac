"""Forms whose checks are those of the services."""

from __future__ import annotations

from typing import Any, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import models

from approvals.admin_masks import MaskedFields
from timestep.errors import InvalidInput
from timestep.models import Schedule
from timestep.services import schedule_checks, schedules
from workflows.admin.fields import InputField, JsonField, NamesField
from workflows.models import AgentDefinition
from workflows.services import definition_checks, definitions
from workflows.services.launching import checked_input

M = TypeVar("M", bound=models.Model)


class ServiceForm(MaskedFields, forms.ModelForm[M]):
    """A form over a row that only a service may write: the service's errors become the form's."""

    def service_fields(self) -> dict[str, Any]:
        """What the service is given; fields that failed already keep what the row has."""
        raise NotImplementedError

    def check_fields(self, fields: dict[str, Any]) -> None:
        """Raise what the service would raise."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        """Ask the service, and name the field of each of its errors."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            self.check_fields(self.service_fields())
        except ValidationError as error:
            for name, messages in error.message_dict.items():
                for message in messages:
                    self.add_error(name if name in self.fields else None, message)
        return cleaned


class AgentDefinitionForm(ServiceForm[AgentDefinition]):
    """An agent definition."""

    tools = NamesField(
        required=False,
        help_text='One name per line, or JSON: ["lookup_order", '
        '{"name": "refund_order", "needs_approval": true}].',
    )
    handoffs = NamesField(required=False, help_text="Slugs of other agents, one per line.")
    agent_tools = NamesField(
        required=False, help_text="Slugs of agents that this one may call as tools, one per line."
    )
    seen_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = AgentDefinition
        fields = tuple(definition_checks.DEFAULTS)
        field_classes = {"model_settings": JsonField, "output_type": JsonField}
        widgets = {"instructions": forms.Textarea(attrs={"rows": 12, "cols": 100})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["seen_version"].initial = self.instance.latest_version

    def service_fields(self) -> dict[str, Any]:
        """The fields of the form over those of the row."""
        given = {
            name: value
            for name, value in self.cleaned_data.items()
            if name in definition_checks.DEFAULTS
        }
        if given.get("model_settings", {}) is None:
            given["model_settings"] = {}
        kept = definitions.fields_of(self.instance) if self.instance.pk else {}
        return {**kept, **given}

    def check_fields(self, fields: dict[str, Any]) -> None:
        """Refuse what cannot be saved, and what would undo somebody else's save unseen."""
        definition_checks.cleaned_fields(fields)
        seen = self.cleaned_data.get("seen_version")
        if seen is None or self.instance._state.adding:
            return
        row = AgentDefinition.objects.filter(pk=self.instance.pk)
        latest = row.values_list("latest_version", flat=True).first()
        if latest != seen:
            message = f"Version {latest} was saved meanwhile; reload the page to see it."
            raise ValidationError({"seen_version": [message]})


class ScheduleForm(ServiceForm[Schedule]):
    """A schedule."""

    input = InputField(help_text="A text, or the JSON list of Responses API items.")
    agent = forms.ModelChoiceField(AgentDefinition.objects.order_by("slug"))

    class Meta:
        model = Schedule
        fields = tuple(schedule_checks.DEFAULTS)
        help_texts = {
            "cron": "minute hour day-of-month month day-of-week, or six fields with the second "
            "before them.",
            "timezone": "For example Europe/Berlin.",
            "session_id": "Empty: every run has a conversation of its own.",
            "overlap": "What a tick does while an earlier run has not ended.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"starts_at", "ends_at"} & self.fields.keys():
            parts = getattr(self.fields[name].widget, "widgets", ())
            for part, word in zip(parts, ("date", "time"), strict=False):
                part.attrs["aria-label"] = f"{self.fields[name].label}, {word}"

    def clean_agent(self) -> str:
        """The slug of the definition that was chosen."""
        return str(self.cleaned_data["agent"].slug)

    def clean_input(self) -> Any:
        """The input, no larger than a person may give one."""
        try:
            return checked_input(self.cleaned_data["input"])
        except InvalidInput as error:
            raise ValidationError(error.message) from None

    def service_fields(self) -> dict[str, Any]:
        """The fields of the form over those of the row."""
        given = {
            name: value
            for name, value in self.cleaned_data.items()
            if name in schedule_checks.DEFAULTS
        }
        kept = schedules.fields_of(self.instance) if not self.instance._state.adding else {}
        return {**kept, **given}

    def check_fields(self, fields: dict[str, Any]) -> None:
        """Refuse what cannot be saved."""
        schedule_checks.cleaned_fields(fields, kept_name=None)


class LaunchForm(forms.Form):
    """What to launch with."""

    input = InputField(
        help_text="A text, or the JSON list of Responses API items.", label="Input", required=True
    )

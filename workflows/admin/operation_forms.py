"""What the admin asks for of queues and holds."""

from __future__ import annotations

from typing import Any

from django import forms

from approvals.admin_masks import MaskedFields
from timestep.errors import InvalidInput
from timestep.models import Queue
from timestep.services.launch import checked_queue
from timestep.services.queues import checked_limits
from timestep.services.reasons import MAX_REASON

_LIMITS = {
    "limit": "limit",
    "period_seconds": "period",
    "concurrency": "concurrency",
    "worker_concurrency": "worker_concurrency",
}


class ReasonForm(forms.Form):
    """Why something is stopped, or let go on."""

    why = forms.CharField(max_length=MAX_REASON, help_text="Everybody sees it.")


class QueueForm(MaskedFields, forms.ModelForm[Queue]):
    """The limits of a queue, checked as the service checks them."""

    class Meta:
        model = Queue
        fields = ("name", *_LIMITS)

    def limits(self) -> dict[str, Any]:
        """What the service is given."""
        return {name: self.cleaned_data[column] for column, name in _LIMITS.items()}

    def clean(self) -> dict[str, Any]:
        """Ask the service."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            columns = {name: column for column, name in _LIMITS.items()}
            try:
                checked_queue(cleaned.get("name", self.instance.name))
                checked_limits(self.limits())
            except InvalidInput as error:
                self.add_error(columns.get(error.field, "name"), error.message)
        return cleaned

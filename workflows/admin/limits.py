"""Model limits in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from approvals.admin_masks import MaskedFields
from timestep.errors import InvalidInput
from timestep.models import ModelLimit
from timestep.services import limits
from workflows.admin.acts import actor_of

_FIELDS = {"requests": "requests_per_minute", "tokens": "tokens_per_minute"}


class ModelLimitForm(MaskedFields, forms.ModelForm[ModelLimit]):
    """A limit; its checks are those of the service."""

    class Meta:
        model = ModelLimit
        fields = ("pattern", "requests_per_minute", "tokens_per_minute")

    def clean_pattern(self) -> str:
        """The pattern as it is kept."""
        try:
            return limits.checked_pattern(self.cleaned_data["pattern"])
        except InvalidInput as error:
            raise ValidationError(error.message) from None

    def clean(self) -> dict[str, Any]:
        """Ask the service about the figures."""
        cleaned = super().clean() or self.cleaned_data
        figures = [cleaned.get(column) for column in _FIELDS.values()]
        if not self.errors:
            try:
                limits.checked_figures(*figures)
            except InvalidInput as error:
                self.add_error(_FIELDS[error.field], error.message)
        return cleaned


@admin.register(ModelLimit)
class ModelLimitAdmin(admin.ModelAdmin[ModelLimit]):
    """Saved and deleted through the services, which record it in the audit trail."""

    form = ModelLimitForm
    list_display = ("pattern", "requests_per_minute", "tokens_per_minute", "updated_at")
    search_fields = ("pattern",)

    def get_readonly_fields(
        self, request: HttpRequest, obj: ModelLimit | None = None
    ) -> tuple[str, ...]:
        """A pattern never changes: another one is another limit."""
        return ("pattern",) if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: ModelLimit, form: Any, change: bool) -> None:
        """Save through the service."""
        figures = (obj.requests_per_minute, obj.tokens_per_minute)
        save = limits.change if change else limits.create
        save(obj.pattern, *figures, by=actor_of(request))

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """The limits alone: their turns go with them, and may be many."""
        patterns = [str(one) for one in objs]
        return patterns, {"model limits": len(patterns)}, set(), []

    def delete_model(self, request: HttpRequest, obj: ModelLimit) -> None:
        """Delete through the service."""
        limits.delete(obj.pattern, by=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ModelLimit]) -> None:
        """Each through the service, in one order."""
        for pattern in queryset.order_by("pattern").values_list("pattern", flat=True):
            limits.delete(pattern, by=actor_of(request))

"""Policies in the admin: what nobody could satisfy is refused before it is saved."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Field, QuerySet
from django.http import HttpRequest

from approvals.admin_masks import MaskedFields
from approvals.models import Policy, PolicyNeed
from approvals.policies.checking import check_policy
from approvals.policies.reading import read_conditions
from approvals.services.policies import record_deleted, record_saved
from timestep.arguments import parse_arguments
from timestep.digests import canonical_json
from timestep.errors import InvalidInput

VIA_ADMIN = "admin"
_TEXT_LIMIT = 50_000
_FORM = "_admin_form"


class ListField(forms.CharField):
    """A JSON list in a text field; read as the arguments of calls are, so nothing breaks it."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 80})

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=_TEXT_LIMIT, **options)

    def prepare_value(self, value: Any) -> Any:
        """What the field shows."""
        return value if isinstance(value, str) else canonical_json(value or [])

    def to_python(self, value: Any) -> Any:
        """The list that was typed; nothing typed is an empty one."""
        read = parse_arguments(super().to_python(value) or "[]")
        if not isinstance(read, list):
            raise ValidationError("Write a JSON list: [ … ], no key twice, no NaN.")
        return read

    def run_validators(self, value: Any) -> None:
        """The length only; what the list says, the whole form checks."""
        super().run_validators(canonical_json(value))


class PolicyForm(MaskedFields, forms.ModelForm[Policy]):
    """A policy without its needs, which the formset below it has."""

    conditions = ListField(help_text=Policy._meta.get_field("conditions").help_text)
    reminders = ListField(help_text=Policy._meta.get_field("reminders").help_text)

    class Meta:
        model = Policy
        fields = "__all__"  # noqa: DJ007 - the admin says which

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Where the formset of the same page finds what this form was given.
        setattr(self.instance, _FORM, self)

    def clean_conditions(self) -> Any:
        """Conditions that can be read."""
        conditions = self.cleaned_data["conditions"]
        try:
            read_conditions(conditions)
        except InvalidInput as error:
            raise ValidationError(error.message) from error
        return conditions


class NeedFormSet(forms.BaseInlineFormSet[PolicyNeed, Policy, "forms.ModelForm[PolicyNeed]"]):
    """The needs; with them and the form above the whole policy is known, and checked."""

    def clean(self) -> None:
        """Check the policy as it is going to be."""
        super().clean()
        form: PolicyForm = getattr(self.instance, _FORM)
        if any(self.errors) or form.errors:
            return
        given = [row.cleaned_data for row in self.forms if row.cleaned_data]
        needs = [(row["group"], row["count"]) for row in given if not row.get("DELETE")]
        try:
            check_policy(form.instance, needs, list(form.cleaned_data["users"]))
        except InvalidInput as error:
            if error.field not in form.fields:
                raise ValidationError(error.message) from error
            form.add_error(error.field, error.message)
            raise ValidationError("See above.") from error


class NeedInline(admin.TabularInline[PolicyNeed, Policy]):
    """How many, of which groups."""

    model = PolicyNeed
    formset = NeedFormSet
    extra = 1
    verbose_name = "need"
    verbose_name_plural = "needs: how many approve, of which groups (none: one who may decide)"

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """The column's name for each control: a row of a table has no labels of its own."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:
            control: Any = getattr(field.widget, "widget", field.widget)
            control.attrs["aria-label"] = str(field.label)
        return field

    def has_view_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        """Needs are part of their policy, and so are the permissions on them."""
        return request.user.has_perm("approvals.view_policy")

    def has_add_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        """As for the policy."""
        return _may_write(request)

    def has_change_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        """As for the policy."""
        return _may_write(request)

    def has_delete_permission(self, request: HttpRequest, obj: Policy | None = None) -> bool:
        """As for the policy."""
        return _may_write(request)


def _may_write(request: HttpRequest) -> bool:
    return any(request.user.has_perm(f"approvals.{act}_policy") for act in ("add", "change"))


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin[Policy]):
    """Policies in the order in which they are read."""

    form = PolicyForm
    inlines = (NeedInline,)
    list_display = ("name", "position", "active", "agent", "tool", "effect", "deadline_seconds")
    list_filter = ("active", "effect")
    search_fields = ("name", "agent", "tool")
    ordering = ("position", "pk")
    autocomplete_fields = ("users",)
    fieldsets = (
        (None, {"fields": ("name", "position", "active")}),
        ("Which calls", {"fields": ("agent", "tool", "conditions")}),
        ("What then", {"fields": ("effect", "users", "four_eyes", "allow_for_run")}),
        (
            "Until when",
            {
                "fields": (
                    ("deadline_seconds", "reminders"),
                    ("on_expiry", "escalate_to", "escalation_seconds"),
                )
            },
        ),
    )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save needs and users, then record what the policy says now."""
        super().save_related(request, form, formsets, change)
        record_saved(form.instance, request.user.get_username(), VIA_ADMIN)

    def delete_model(self, request: HttpRequest, obj: Policy) -> None:
        """Delete and record it; what waits already keeps the rules that it was asked under."""
        with transaction.atomic():
            record_deleted(obj, request.user.get_username(), VIA_ADMIN)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Policy]) -> None:
        """Delete several, each recorded."""
        with transaction.atomic():
            for policy in queryset:
                record_deleted(policy, request.user.get_username(), VIA_ADMIN)
            super().delete_queryset(request, queryset)

"""Whom agents are for, in the admin; each change is in the audit trail."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from approvals.admin_masks import MaskedForm
from approvals.admin_policies import VIA_ADMIN
from approvals.models import AgentAccess
from approvals.services.agent_access import record_deleted, record_saved


@admin.register(AgentAccess)
class AgentAccessAdmin(admin.ModelAdmin[AgentAccess]):
    """One row per agent and person or group."""

    form = MaskedForm
    list_display = ("agent", "user", "group", "launches", "decides")
    list_filter = ("launches", "decides")
    list_select_related = ("user", "group")
    search_fields = ("agent", "user__username", "group__name")
    autocomplete_fields = ("user", "group")

    def save_model(self, request: HttpRequest, obj: AgentAccess, form: Any, change: bool) -> None:
        """Save, and record what the row says now."""
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            record_saved(obj, request.user.get_username(), VIA_ADMIN)

    def delete_model(self, request: HttpRequest, obj: AgentAccess) -> None:
        """Delete, and record it."""
        with transaction.atomic():
            record_deleted(obj, request.user.get_username(), VIA_ADMIN)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AgentAccess]) -> None:
        """Delete several, each recorded."""
        with transaction.atomic():
            for row in queryset.select_related("user", "group"):
                record_deleted(row, request.user.get_username(), VIA_ADMIN)
            super().delete_queryset(request, queryset)

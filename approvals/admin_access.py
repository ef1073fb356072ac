"""Whom agents are for, in the admin."""

from __future__ import annotations

from django.contrib import admin

from approvals.models import AgentAccess


@admin.register(AgentAccess)
class AgentAccessAdmin(admin.ModelAdmin[AgentAccess]):
    """One row per agent and person or group."""

    list_display = ("agent", "user", "group", "launches", "decides")
    list_filter = ("launches", "decides")
    list_select_related = ("user", "group")
    search_fields = ("agent", "user__username", "group__name")
    autocomplete_fields = ("user", "group")

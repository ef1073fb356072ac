"""Django's registration of `approvals`."""

from __future__ import annotations

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """Registers the tables; starts nothing (see docs/concepts.md)."""

    name = "approvals"
    default_auto_field = "django.db.models.BigAutoField"

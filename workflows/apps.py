"""Django's registration of `workflows`."""

from __future__ import annotations

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """Registers the tables; starts nothing (see docs/concepts.md)."""

    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

"""Django's registration of `workflows`."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

from workflows.checks import TAG, check_settings


class WorkflowsConfig(AppConfig):
    """Registers the tables and the checks; starts nothing (see docs/concepts.md)."""

    name = "workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks of the settings."""
        checks.register(check_settings, TAG)

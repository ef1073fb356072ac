"""Django's registration of `timestep`."""

from __future__ import annotations

from django.apps import AppConfig


class TimestepConfig(AppConfig):
    """Registers the tables; starts nothing (see docs/concepts.md)."""

    name = "timestep"
    default_auto_field = "django.db.models.BigAutoField"

"""Django's admin: the same services as the pages, and nothing of its own."""

from workflows.admin import agents, limits, operations, runs, schedules

__all__ = ["agents", "limits", "operations", "runs", "schedules"]

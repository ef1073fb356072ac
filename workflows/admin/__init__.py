"""Django's admin: the same services as the pages, and nothing of its own."""

from workflows.admin import agents, runs, schedules

__all__ = ["agents", "runs", "schedules"]

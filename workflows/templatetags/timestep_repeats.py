"""What acts on a run would do once more, next to their buttons."""

from __future__ import annotations

from typing import Any

from django import template

from timestep.models import Run
from timestep.services.retry_plans import RetryPlan, retry_plan
from workflows.selectors.repeats import repeated_by_launch, repeated_by_retry

register = template.Library()


@register.simple_tag
def retry_plan_of(run: Run) -> RetryPlan:
    """What a retry of a run that failed can do."""
    return retry_plan(run)


@register.inclusion_tag("workflows/run/_repeats.html")
def retry_repeats(run: Run) -> dict[str, Any]:
    """What a retry does again."""
    return {"effects": repeated_by_retry(run), "by_retry": True}


@register.inclusion_tag("workflows/run/_repeats.html")
def launch_repeats(run: Run) -> dict[str, Any]:
    """What another launch may do a second time; nothing while the run is still going on."""
    return {"effects": None if run.is_active else repeated_by_launch(run), "by_retry": False}

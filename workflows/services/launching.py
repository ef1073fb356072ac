"""Launching defined agents, and launching a run again."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction

from timestep.errors import InvalidInput, RunNotFound
from timestep.ids import RUN_ID
from timestep.models import Run
from timestep.services.launch import launch, relaunch
from workflows.services.json_values import checked_json, checked_text
from workflows.services.specs import spec_for, version_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

MOST_INPUT_BYTES = 1_000_000


@transaction.atomic
def launch_agent(  # noqa: PLR0913 - the options of a launch, all by keyword
    slug: str,
    *,
    input: str | list[Any],  # noqa: A002 - the word that people know
    launched_from: str,
    by: AbstractBaseUser | None = None,
    version: int | None = None,
    session_id: str | None = None,
    queue: str | None = None,
    priority: int | None = None,
    dedup_id: str | None = None,
    run_id: str | None = None,
    timeout_seconds: float | None = None,
    schedule: str | None = None,
    scheduled_at: datetime | None = None,
    again_of: str | None = None,
) -> Run:
    """Launch an active agent: its latest version, or the one asked for.

    Args:
        slug: The agent.
        input: A text, or a list of Responses API input items; at most 1 MB.
        launched_from: Where it was launched (page, admin, cli, schedule).
        by: The person on whose behalf the run happens.
        version: The version to launch; the latest if not given.
        session_id: The conversation that the run belongs to.
        queue: The queue; the agent's own if not given.
        priority: Lower runs first.
        dedup_id: Refuses a second run with this id while the first has not ended.
        run_id: The id to use.
        timeout_seconds: Executing time; the agent's own if not given.
        schedule: Name of the schedule that launched it.
        scheduled_at: The tick.
        again_of: The run that this one repeats.

    Raises:
        AgentNotFound, AgentInactive, VersionNotFound, SpecIncomplete: It cannot be launched.
        InvalidInput, RunIdInUse, DuplicateRun: See `timestep.services.launch`.
    """
    checked_input(input)
    chosen = version_of(slug, version)
    own_timeout = chosen.body["timeout_seconds"]
    return launch(
        spec=spec_for(chosen),
        input=input,
        agent=slug,
        agent_version=chosen.number,
        run_id=run_id,
        session_id=_stored("session_id", session_id),
        queue=_stored("queue", queue) or chosen.body["default_queue"],
        priority=priority,
        dedup_id=_stored("dedup_id", dedup_id),
        timeout_seconds=own_timeout if timeout_seconds is None else timeout_seconds,
        max_turns=chosen.body["max_turns"],
        launched_by=by,
        launched_from=launched_from,
        schedule=schedule,
        scheduled_at=scheduled_at,
        again_of=again_of,
    )


@transaction.atomic
def launch_again(
    run_id: str, *, by: AbstractBaseUser | None, launched_from: str, latest: bool = False
) -> Run:
    """Launch a run like an earlier one, with the same input.

    Args:
        run_id: The earlier run.
        by: Who launches it.
        launched_from: Where it was launched.
        latest: Take the agent's latest version instead of the pinned spec of the earlier run.

    Raises:
        RunNotFound: There is no such run.
        AgentNotFound, AgentInactive, SpecIncomplete: The latest version cannot be launched.
    """
    run = Run.objects.filter(run_id=run_id).first() if RUN_ID.fullmatch(run_id) else None
    if run is None:
        raise RunNotFound(run_id)
    if not latest:
        return relaunch(run, launched_by=by, launched_from=launched_from)
    return launch_agent(
        run.agent,
        input=run.input,
        launched_from=launched_from,
        by=by,
        session_id=run.session_id,
        queue=run.queue,
        priority=run.priority,
        timeout_seconds=run.timeout_seconds,
        again_of=run.run_id,
    )


def checked_input(value: Any) -> str | list[Any]:
    """An input that is not empty, has the right shape and can be stored. Raises InvalidInput."""
    if isinstance(value, str):
        if not value.strip():
            raise InvalidInput("input", "is empty; say what the agent shall do")
        return checked_text("input", value, MOST_INPUT_BYTES)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InvalidInput("input", "must be a text or a list of Responses API input items")
    if not value:
        raise InvalidInput("input", "is empty; say what the agent shall do")
    checked: list[Any] = checked_json("input", value, MOST_INPUT_BYTES)
    return checked


def _stored(field: str, value: str | None) -> str | None:
    return None if value is None else checked_text(field, value, 800)

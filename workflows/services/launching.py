"""Launching defined agents, and launching a run again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from django.db import transaction

from timestep.errors import InvalidInput, RunNotFound
from timestep.ids import RUN_ID
from timestep.models import Run
from timestep.services.launch import launch, relaunch
from workflows.errors import AgentOfScript
from workflows.services.json_values import checked_json, checked_text
from workflows.services.specs import spec_for, version_of

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

MOST_INPUT_BYTES = 1_000_000


class LaunchOptions(TypedDict, total=False):
    """What is handed on to `timestep.services.launch.launch` as it is, which describes it."""

    session_id: str | None
    priority: int | None
    dedup_id: str | None
    run_id: str | None
    schedule: str | None
    scheduled_at: datetime | None
    again_of: str | None


@transaction.atomic
def launch_agent(
    slug: str,
    *,
    input: str | list[Any],  # noqa: A002 - the word that people know
    launched_from: str,
    by: AbstractBaseUser | None = None,
    version: int | None = None,
    queue: str | None = None,
    timeout_seconds: float | None = None,
    **options: Unpack[LaunchOptions],
) -> Run:
    """Launch an active agent.

    `input` is a text or a list of Responses API input items, at most 1 MB. Without a `version` it
    is the latest; without `queue` and `timeout_seconds` they are the version's own.

    Raises:
        AgentNotFound, AgentInactive, VersionNotFound, SpecIncomplete: It cannot be launched.
        InvalidInput, RunIdInUse, DuplicateRun: See `timestep.services.launch`.
    """
    checked_input(input)
    _check_stored({"queue": queue, **options})
    chosen = version_of(slug, version)
    own_timeout = chosen.body["timeout_seconds"]
    return launch(
        spec=spec_for(chosen),
        input=input,
        agent=slug,
        agent_version=chosen.number,
        queue=queue or chosen.body["default_queue"],
        timeout_seconds=own_timeout if timeout_seconds is None else timeout_seconds,
        max_turns=chosen.body["max_turns"],
        launched_by=by,
        launched_from=launched_from,
        **options,
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
        AgentOfScript: The agent has no versions.
    """
    run = Run.objects.filter(run_id=run_id).first() if RUN_ID.fullmatch(run_id) else None
    if run is None:
        raise RunNotFound(run_id)
    if not latest:
        return relaunch(run, launched_by=by, launched_from=launched_from)
    if run.agent_version is None:
        raise AgentOfScript(run_id)
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


def _check_stored(values: Mapping[str, Any]) -> None:
    """Refuse text that no database can store."""
    for field, value in values.items():
        if isinstance(value, str):
            checked_text(field, value, 800)

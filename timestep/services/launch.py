"""Launching runs: the row is written here; workers make it happen."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from django.db import IntegrityError, transaction

from timestep.digests import digest
from timestep.engine_version import ENGINE_VERSION
from timestep.errors import DuplicateRun, InvalidInput, RunIdInUse
from timestep.ids import RUN_ID, segment_id, time_ordered
from timestep.models import ACTIVE_STATUSES, AgentSpec, Run, RunEvent, RunStatus, Segment
from timestep.notify import notify_dispatch, notify_events
from timestep.services.database_clock import database_now
from timestep.services.spec_models import refuse_unknown_models
from timestep.services.status import record_event
from timestep.storable import DEEP, is_deep, storable

P = ParamSpec("P")
Text = TypeVar("Text", bound=str | None)

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

MAX_TIMEOUT_SECONDS = 30 * 24 * 3600.0
MAX_PRIORITY = 2**31 - 2
MAX_TURNS = 2**31 - 1
_QUEUE = re.compile(r"[A-Za-z0-9._-]{1,100}")


def checked_run(  # noqa: PLR0913 - what a launch can say; all but three have defaults
    *,
    spec: AgentSpec,
    input: str | list[Any],  # noqa: A002 - the word that the SDK and the pages use
    agent: str,
    agent_version: int | None = None,
    run_id: str | None = None,
    session_id: str | None = None,
    session_spec: dict[str, Any] | None = None,
    queue: str = "default",
    priority: int | None = None,
    dedup_id: str | None = None,
    timeout_seconds: float | None = None,
    delayed_until: datetime | None = None,
    reserved_for: str | None = None,
    max_turns: int = 20,
    context: Any = None,
    launched_by: AbstractBaseUser | None = None,
    launched_from: str = "",
    schedule: str | None = None,
    scheduled_at: datetime | None = None,
    again_of: str | None = None,
    label: str = "",
) -> Run:
    """A run as it is going to be launched: every value checked, nothing inserted.

    Args:
        spec: What the run is pinned to for life.
        input: A string, or a list of Responses API input items.
        agent: Slug of the agent that starts the run.
        agent_version: Its version number, where it has one.
        run_id: The id to use; the same id with the same agent and input launches once.
        session_id: The conversation that the run belongs to; runs of one session never overlap.
        session_spec: How whoever executes opens it; without it, our own table keeps it.
        queue: Name of the queue.
        priority: Lower runs first; a run without one comes after all that have one.
        dedup_id: Refuses a second run with this id while the first has not ended.
        timeout_seconds: Executing time over all segments, not counting queueing and people.
        delayed_until: When it may start at the earliest.
        reserved_for: The process that executes it as long as it lives; None for any.
        max_turns: How many model calls the run may make at most.
        context: JSON context handed to tools; it is stored, so no secrets.
        launched_by: The person on whose behalf the run happens.
        launched_from: Where it was launched (page, admin, cli, schedule, script).
        schedule: Name of the schedule that launched it.
        scheduled_at: The tick.
        again_of: The run that this one repeats.
        label: Name given to `configure_dbos` by the launching program.

    Raises:
        InvalidInput: A value cannot be used; `field` names it.
    """
    return Run(
        run_id=_checked_run_id(run_id),
        spec=spec,
        agent=_bounded("agent", agent, 100),
        agent_version=agent_version,
        input=checked_input(input),
        input_digest=digest(_as_text(input)),
        context=_checked_json("context", context),
        max_turns=checked_turns(max_turns),
        engine_version=ENGINE_VERSION,
        session_id=checked_session(session_id),
        session_spec=session_spec,
        queue=checked_queue(queue),
        priority=checked_priority(priority),
        dedup_id=_bounded("dedup_id", dedup_id, 200),
        timeout_seconds=checked_timeout(timeout_seconds),
        delayed_until=delayed_until,
        reserved_for=reserved_for,
        launched_by_id=getattr(launched_by, "pk", None),
        launched_from=storable(launched_from)[:200],
        schedule=schedule,
        scheduled_at=scheduled_at,
        again_of=again_of,
        label=storable(label)[:100],
    )


def _inserting(checked: Callable[P, Run]) -> Callable[P, Run]:
    """The function that also inserts what the given one checks."""

    @wraps(checked)
    def inserted(*args: P.args, **values: P.kwargs) -> Run:
        return insert_run(checked(*args, **values))

    return inserted


# With the arguments of `checked_run`, and what it and `insert_run` raise.
launch = _inserting(checked_run)


def relaunch(run: Run, *, launched_by: AbstractBaseUser | None, launched_from: str) -> Run:
    """Launch a run like an earlier one: same spec, input, session, queue and limits, a new id."""
    refuse_unknown_models(run.spec.body)
    return launch(
        spec=run.spec,
        input=run.input,
        agent=run.agent,
        agent_version=run.agent_version,
        session_id=run.session_id,
        session_spec=run.session_spec,
        queue=run.queue,
        priority=run.priority,
        timeout_seconds=run.timeout_seconds,
        max_turns=run.max_turns,
        context=run.context,
        launched_by=launched_by,
        launched_from=launched_from,
        again_of=run.run_id,
    )


def insert_run(run: Run) -> Run:
    """Insert a checked run and its first segment, ready to be dispatched.

    In the caller's transaction.

    Returns:
        The run: a new one, or the earlier one with the same id, agent and input.

    Raises:
        RunIdInUse: The id belongs to a run with another agent, input or session.
        DuplicateRun: A run with the same deduplication id has not ended.
    """
    try:
        with transaction.atomic():
            run.created_at = database_now()
            run.save(force_insert=True)
            _first_segment(run).save(force_insert=True)
            record_event(run.run_id, "status", {"status": run.status})
    except IntegrityError as error:
        return _earlier(run, error)
    notify_dispatch()
    return run


def insert_runs(runs: list[Run]) -> None:
    """Insert many checked runs with new ids and no deduplication ids: all, in few statements."""
    now = database_now()
    for run in runs:
        run.last_seq, run.created_at = 1, now
    status = {"kind": "status", "payload": {"status": RunStatus.QUEUED}, "at": now}
    with transaction.atomic():
        Run.objects.bulk_create(runs)
        Segment.objects.bulk_create(_first_segment(run) for run in runs)
        RunEvent.objects.bulk_create(RunEvent(run=run, seq=1, **status) for run in runs)
        notify_events(run.run_id for run in runs)
    notify_dispatch()


def _first_segment(run: Run) -> Segment:
    """Of the same age: turns go by it, whatever the clocks of those who launch say."""
    first = segment_id(run.run_id, 0)
    return Segment(segment_id=first, run=run, n=0, created_at=run.created_at)


def _earlier(run: Run, error: IntegrityError) -> Run:
    """The run that made the insert fail: the same launch, or a named error."""
    same_id = Run.objects.filter(run_id=run.run_id).first()
    if same_id is not None:
        _refuse_other(same_id, run)
        return same_id
    if run.dedup_id is None:
        raise RuntimeError(f"run {run.run_id} could not be inserted: {error}") from error
    holder = Run.objects.filter(dedup_id=run.dedup_id, status__in=ACTIVE_STATUSES).first()
    if holder is not None:
        raise DuplicateRun(run.dedup_id, holder.run_id)
    return insert_run(run)  # The holder ended between our insert and our look.


def _refuse_other(earlier: Run, run: Run) -> None:
    # A definition's latest version may be another by now, and still be the same launch repeated.
    agent = ("spec_id" if run.spec.is_of_program else "agent", "agent")
    for field, differs in (agent, ("input_digest", "input")):
        if getattr(earlier, field) != getattr(run, field):
            raise RunIdInUse(run.run_id, differs)
    if earlier.session_id != run.session_id and not (_at_openai(earlier) and _at_openai(run)):
        raise RunIdInUse(run.run_id, "session")


def _at_openai(run: Run) -> bool:
    # A script that names no conversation gets a new one each time it is started.
    return (run.session_spec or {}).get("kind") == "openai"


def _checked_run_id(run_id: str | None) -> str:
    if run_id is None:
        return time_ordered("run")
    if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise InvalidInput("run_id", "use 1 to 128 letters, digits, dots, underscores or hyphens")
    return run_id


def checked_input(value: str | list[Any]) -> str | list[Any]:
    """An input that is not empty, has the right shape and can be stored. Raises InvalidInput."""
    if not isinstance(value, str | list):
        raise InvalidInput("input", "give a text or a list of Responses API input items")
    if not (value.strip() if isinstance(value, str) else value):
        raise InvalidInput("input", "is empty; say what the agent shall do")
    if isinstance(value, list) and not all(isinstance(item, dict) for item in value):
        raise InvalidInput("input", "every item of the list must be an object")
    checked: str | list[Any] = _checked_json("input", value)
    return checked


def _as_text(value: str | list[Any]) -> str | list[Any]:
    """The text, where the items are one user message of it: the SDK makes the one of the other."""
    if not isinstance(value, list) or len(value) != 1:
        return value
    message = {"type": "message", **value[0]}
    content = message.pop("content", None)
    if isinstance(content, list) and len(content) == 1 and isinstance(content[0], dict):
        part = content[0]
        alone = part.keys() == {"type", "text"} and part["type"] == "input_text"
        content = part["text"] if alone else content
    plain = message == {"type": "message", "role": "user"}
    return content if plain and isinstance(content, str) else value


def _checked_json(field: str, value: Any) -> Any:
    """The value, if it is JSON that both databases can keep."""
    try:
        kept = json.loads(json.dumps(value, sort_keys=True, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(field, f"is not JSON: {error}") from error
    if is_deep(kept):
        raise InvalidInput(field, f"is {DEEP}, which no program reads")
    if storable(kept) != kept:
        raise InvalidInput(field, "contains a NUL or half a character, which no database stores")
    return value


def checked_priority(priority: int | None) -> int | None:
    """A whole number from 1 (first) on, or None. Raises InvalidInput."""
    if priority is not None and not _is_whole(priority, MAX_PRIORITY):
        raise InvalidInput("priority", f"use a whole number from 1 (first) to {MAX_PRIORITY}")
    return priority


def checked_turns(turns: int) -> int:
    """How many turns a run may take. Raises InvalidInput."""
    if not _is_whole(turns, MAX_TURNS):
        raise InvalidInput("max_turns", f"use a whole number from 1 to {MAX_TURNS}")
    return turns


def _is_whole(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def checked_timeout(seconds: float | None) -> float | None:
    """A timeout in seconds that is positive, finite and at most 30 days, or None."""
    if seconds is None:
        return None
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not number or not math.isfinite(seconds) or not 0 < seconds <= MAX_TIMEOUT_SECONDS:
        raise InvalidInput("timeout_seconds", "use a number of seconds above 0, at most 30 days")
    return float(seconds)


def checked_queue(name: str) -> str:
    """A queue's name: 1 to 100 letters, digits, dots, underscores or hyphens."""
    if not isinstance(name, str) or not _QUEUE.fullmatch(name):
        raise InvalidInput("queue", "use 1 to 100 letters, digits, dots, underscores or hyphens")
    return name


def checked_session(session_id: str | None) -> str | None:
    """A session's id that can be stored, or None. Raises InvalidInput."""
    return _bounded("session_id", session_id, 200)


def _bounded(field: str, value: Text, length: int) -> Text:
    if value is None:
        return value
    fits = isinstance(value, str) and len(value) <= length and storable(value) == value
    if not fits or not value.strip():
        raise InvalidInput(field, f"use 1 to {length} printable characters")
    return value

"""What the calls of `timestep.library.scheduling` do: all of it on database threads."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

from agents import Agent, OpenAIConversationsSession, RunState
from django.db import connection
from django.utils import timezone

from timestep.digests import digest
from timestep.engine import travel
from timestep.engine.sessions import settle
from timestep.engine.sessions.conversations import KIND as CONVERSATION
from timestep.engine.threads import submit
from timestep.errors import InvalidInput, NotLaunched
from timestep.ids import time_ordered
from timestep.library.checks import check_agent
from timestep.library.launching import LAUNCHED_FROM, as_json
from timestep.library.setup import is_launched
from timestep.models import DIRECT_QUEUE, Schedule
from timestep.scripts import own_home
from timestep.services import backfills, ticks
from timestep.services import schedules as rows
from timestep.services.audit import Actor
from timestep.services.cron import next_after
from timestep.services.schedule_checks import DEFAULTS, checked_field
from timestep.services.schedules import ProgramSchedule, save_program_schedule

P = ParamSpec("P")
R = TypeVar("R")

MOST_TIMES = 1000
# What the arguments are called, where the columns are called otherwise.
_ARGUMENTS = {"cron": "crontab", "input": "input_items", "queue": "queue_name"}
_LONGEST_AGENT_NAME = 60

_PROGRAM = Actor(LAUNCHED_FROM, "program")

_lock = threading.Lock()
_pending: dict[str, ProgramSchedule] = {}


def described(agent: Agent[Any], session: Any, given: Mapping[str, Any]) -> ProgramSchedule:
    """What a program wants, checked, as it is stored. Raises InvalidInput, CannotTravel."""
    check_agent(agent)
    if isinstance(given["input_items"], RunState):
        raise InvalidInput("input_items", "give a text or a list of items: a state is resumed once")
    if given["queue_name"] == DIRECT_QUEUE:
        raise InvalidInput("queue_name", f"{DIRECT_QUEUE!r} is for runs that are not queued")
    values = {
        "input": as_json(given["input_items"]),
        "cron": given["crontab"],
        "timezone": given["timezone"],
        "queue": "" if given["queue_name"] is None else given["queue_name"],
        "overlap": given["overlap"],
        "catch_up": given["catch_up"],
        "paused": given["paused"],
    }
    fields = {column: _checked(column, value) for column, value in values.items()}
    name = _name_for(agent, fields) if given["name"] is None else _checked("name", given["name"])
    spec = travel.describe(agent)
    if isinstance(session, OpenAIConversationsSession):
        submit(_go_on_in_conversation, session, name).result()
    session_id, session_spec = submit(settle, session).result()
    own = {"name": name, "agent": agent.name, "session_id": session_id}
    created_from = f"{LAUNCHED_FROM} {own_home()}"
    return ProgramSchedule({**DEFAULTS, **fields, **own}, spec, session_spec, created_from)


def _checked(column: str, value: Any) -> Any:
    try:
        return checked_field(column, value)
    except InvalidInput as error:
        raise InvalidInput(_ARGUMENTS.get(column, column), error.message) from None


def _name_for(agent: Agent[Any], fields: Mapping[str, Any]) -> str:
    """The same for the same agent, line and input, at every start of the program."""
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", agent.name).strip("-")[:_LONGEST_AGENT_NAME]
    made_of = [agent.name, fields["cron"], fields["input"]]
    return f"{slug or 'agent'}-{digest(made_of)[:12]}"


def _go_on_in_conversation(session: OpenAIConversationsSession, name: str) -> None:
    """Give a session without a conversation the one that an earlier start of the program made."""
    row = Schedule.objects.filter(name=name).first() if _tables_exist() else None
    kept = (row.session_spec if row is not None else None) or {}
    same_place = kept.get("base_url") == str(session._openai_client.base_url)
    if session._session_id is None and kept.get("kind") == CONVERSATION and same_place:
        session.session_id = kept["id"]


def save(wanted: ProgramSchedule) -> None:
    """Write the schedule; where there are no tables yet, at the launch."""
    with _lock:
        if not (is_launched() or submit(_tables_exist).result()):
            _pending[str(wanted.fields["name"])] = wanted
            return
    submit(save_program_schedule, wanted).result()


def flush() -> None:
    """Write what waits for the tables, in the caller's thread."""
    with _lock:
        for name in list(_pending):
            save_program_schedule(_pending[name])
            del _pending[name]
    connection.close()


def _tables_exist() -> bool:
    if connection.vendor == "sqlite" and not Path(str(connection.settings_dict["NAME"])).exists():
        return False
    return Schedule._meta.db_table in connection.introspection.table_names()


def pause(name: str, why: str) -> None:
    """See `ScheduleHandle.pause`."""
    _on_row(name, rows.pause, name, by=_PROGRAM, why=why)


def resume(name: str) -> None:
    """See `ScheduleHandle.resume`."""
    _on_row(name, rows.resume, name, by=_PROGRAM)


def trigger(name: str) -> str:
    """See `ScheduleHandle.trigger`."""
    # The id is made here: a call whose answer was lost is made again.
    run_id = time_ordered("run")
    return _on_row(
        name, ticks.run_now, name, by=None, launched_from=LAUNCHED_FROM, run_id=run_id
    ).run_id


def backfill(name: str, start: datetime, end: datetime) -> list[str]:
    """See `ScheduleHandle.backfill`."""
    cron_zone = _on_row(name, _line_and_zone, name)[1]
    first, last = _aware("start", start, cron_zone), _aware("end", end, cron_zone)
    runs = _on_row(
        name, backfills.backfill, name, first, last, by=None, launched_from=LAUNCHED_FROM
    )
    return [run.run_id for run in runs]


def next_times(name: str, n: int) -> list[datetime]:
    """See `ScheduleHandle.next`."""
    if not isinstance(n, int) or not 1 <= n <= MOST_TIMES:
        raise InvalidInput("n", f"use a whole number from 1 to {MOST_TIMES}")
    waiting = _pending.get(name)
    if waiting is not None:
        line, zone = waiting.fields["cron"], ZoneInfo(waiting.fields["timezone"])
    else:
        line, zone = _on_row(name, _line_and_zone, name)
    times: list[datetime] = []
    moment = timezone.now()
    for _ in range(n):
        moment = next_after(line, zone, moment)
        times.append(moment.astimezone(zone))
    return times


def delete(name: str) -> None:
    """See `ScheduleHandle.delete`."""
    with _lock:
        if _pending.pop(name, None) is not None:
            return
    _on_row(name, rows.delete, name, by=_PROGRAM)


def _on_row(name: str, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a service for a schedule that must have been written by now."""
    if name in _pending:
        raise NotLaunched(
            f"schedule {name} is written at the launch: call ensure_dbos_launched() first"
        )
    return submit(act, *args, **kwargs).result()


def _line_and_zone(name: str) -> tuple[str, ZoneInfo]:
    schedule = rows.found(name)
    return schedule.cron, ZoneInfo(schedule.timezone)


def _aware(field: str, moment: Any, zone: ZoneInfo) -> datetime:
    if not isinstance(moment, datetime):
        raise InvalidInput(field, f"give a datetime, not {type(moment).__name__}")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)

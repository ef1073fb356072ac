"""Scheduling agents from a program, and the handles of schedules. Imports no tables by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from timestep.errors import InvalidInput
from timestep.library.setup import configured

if TYPE_CHECKING:
    from agents import Agent

    from timestep.library.orders import InputItems

OverlapRule = Literal["allow", "skip", "queue", "cancel_running"]
_T = TypeVar("_T")


def create_scheduled_agent_workflow(  # noqa: PLR0913 - all but three have defaults
    crontab: str,
    agent: Agent[Any],
    input_items: InputItems,
    session: Any = None,
    stream: bool = False,
    *,
    name: str | None = None,
    timezone: str = "UTC",
    queue_name: str | None = None,
    overlap: OverlapRule = "allow",
    catch_up: bool = False,
    paused: bool = False,
) -> ScheduleHandle:
    """Launch an agent by the clock, for as long as the schedule exists.

    May be called before `ensure_dbos_launched()` and after it, and at every start of the program:
    the same name is the same schedule, and other content changes it (docs/how-to/schedules.md).

    Args:
        crontab: Five fields (minute, hour, day of month, month, day of week), or six with the
            second before them.
        agent: The agent; everything in it must be found again by another process.
        input_items: A text or a list of input items, the same at every tick.
        session: A session of the SDK, the id of one of our own, or None: each run by itself.
        stream: Accepted as in the other calls; `follow` streams the events of any run.
        name: Letters, digits, hyphens and underscores. Default: one made of agent, line and input.
        timezone: Of the tz database, as in `Europe/Berlin`.
        queue_name: The queue of its runs. Default: `default`.
        overlap: What a tick does while an earlier run has not ended.
        catch_up: Launch each tick that no process was there for, and not only the latest.
        paused: Do not launch by the clock until `resume()`. What a person paused meanwhile stays
            paused whatever is said here.

    Returns:
        The schedule's handle.

    Raises:
        NotConfigured: `configure_dbos()` comes first.
        InvalidInput: A value cannot be used; `field` names it, the message the place in it.
        CannotTravel: A part of the agent cannot be found again by another process.
    """
    configured()
    from timestep.library import checks, schedules  # noqa: PLC0415 - they import the Agents SDK

    checks.check_flag("stream", stream)

    wanted = schedules.described(
        agent,
        session,
        {
            "crontab": crontab,
            "input_items": input_items,
            "name": name,
            "timezone": timezone,
            "queue_name": queue_name,
            "overlap": overlap,
            "catch_up": catch_up,
            "paused": paused,
        },
    )
    schedules.save(wanted)
    return ScheduleHandle(str(wanted.fields["name"]))


class ScheduleHandle:
    """A schedule. Every method is a plain call, from sync code and a running event loop alike.

    Made by hand, with the name alone, it is the handle of any schedule: the dashboard's too.

    Args:
        name: The schedule's name.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"ScheduleHandle({self.name!r})"

    def pause(self, why: str = "") -> None:
        """Launch nothing by the clock until `resume()`; in force at once, on every worker."""
        if not isinstance(why, str):
            raise InvalidInput("why", f"give a text, not {type(why).__name__}")
        self._call(lambda schedules: schedules.pause(self.name, why))

    def resume(self) -> None:
        """Launch by the clock again, from now on: what came meanwhile is not caught up."""
        self._call(lambda schedules: schedules.resume(self.name))

    def trigger(self) -> str:
        """Launch it now, paused or not; returns the run's id."""
        return str(self._call(lambda schedules: schedules.trigger(self.name)))

    def next(self, n: int = 1) -> list[datetime]:
        """The next times at which its line is due, in its own zone, paused or not.

        Args:
            n: How many, from 1 to 1000.
        """
        return self._call(lambda schedules: schedules.next_times(self.name, n))

    def backfill(self, start: datetime, end: datetime) -> list[str]:
        """Launch each tick of the past, from `start` to `end` (both included), that launched none.

        Args:
            start: A time; without a zone of its own it is in the schedule's.
            end: Another, not in the future.

        Returns:
            The ids of the runs, in the order of their ticks; none the second time.
        """
        return self._call(lambda schedules: schedules.backfill(self.name, start, end))

    def delete(self) -> None:
        """Delete the schedule and the record of its ticks; its runs stay, and go on."""
        self._call(lambda schedules: schedules.delete(self.name))

    def _call(self, act: Callable[[Any], _T]) -> _T:
        configured()
        from timestep.library import checks, schedules  # noqa: PLC0415 - as above

        checks.check_text("name", self.name)
        return act(schedules)


def flush_pending() -> None:
    """Write the schedules that were made before there were tables; called at the launch."""
    from timestep.library import schedules  # noqa: PLC0415 - as above

    schedules.flush()

"""What people have stopped, as this process knows it, and waiting until they let it go on.

The dispatcher looks at the rows at least once per second and tells; a call asks here, without a
query. Where nobody has looked for a while, since the database is away, calls wait as well: a
hold may have been placed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from timestep.models import HoldKind

if TYPE_CHECKING:
    from timestep.engine.execution import Scope

# A hold is in force everywhere within this time, or nothing is called.
STALE_SECONDS = 2.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Held:
    """A hold that is active: what it stops, and who placed it why."""

    kind: str
    name: str
    by: str
    why: str

    def stops(self, agents: Collection[str], tools: Collection[str]) -> bool:
        """Whether it stops a call.

        Args:
            agents: Those on whose behalf it is made.
            tools: The tool; of a call of a model, the tools that its provider may use meanwhile.
        """
        if self.kind == HoldKind.EVERYTHING:
            return True
        return self.name in (agents if self.kind == HoldKind.AGENT else tools)


@dataclass(frozen=True)
class Stopped:
    """What people have stopped, as of one look at the rows.

    Args:
        holds: The active holds.
        paused: The queues of which nothing starts or goes on.
        limited: Whether the queue of what programs run at once has limits.
        draining: Whether this process takes nothing new.
    """

    holds: tuple[Held, ...] = ()
    paused: frozenset[str] = frozenset()
    limited: bool = False
    draining: bool = False

    @property
    def everything(self) -> bool:
        """Whether nothing starts or goes on at all."""
        return any(held.kind == HoldKind.EVERYTHING for held in self.holds)

    @property
    def agents(self) -> frozenset[str]:
        """The agents of which no run starts or goes on."""
        return frozenset(held.name for held in self.holds if held.kind == HoldKind.AGENT)


NOTHING_STOPPED = Stopped()


class Holds:
    """The last look of this process; told by one thread, asked by others."""

    def __init__(self) -> None:
        # Before the first look nothing executes that the dispatcher has not admitted.
        self._look: tuple[Stopped, float] = (NOTHING_STOPPED, float("inf"))

    def tell(self, stopped: Stopped, looked_at: float) -> None:
        """Say what the rows said.

        Args:
            stopped: What is stopped.
            looked_at: When the look began, by `time.monotonic`.
        """
        self._look = (stopped, looked_at)

    def latest(self) -> Stopped | None:
        """What is stopped; None where nobody has looked lately."""
        stopped, looked_at = self._look
        return stopped if -STALE_SECONDS < looked_at - time.monotonic() <= 0 else None

    def over(self, agents: Collection[str], tools: Collection[str]) -> Held | None:
        """The hold that stops a call, if any, as of the last look."""
        holds = self._look[0].holds
        return next((held for held in holds if held.stops(agents, tools)), None)

    def stale(self) -> bool:
        """Whether the last look is too old to go by."""
        return time.monotonic() - self._look[1] > STALE_SECONDS


async def pass_holds(
    scope: Scope, agent: str, *, tool: str = "", call_id: str = "", offered: Collection[str] = ()
) -> None:
    """Wait, inside a step and before its call, while the call is held.

    Args:
        scope: The run of the call.
        agent: The agent that makes it.
        tool: The tool; empty for a call of a model.
        call_id: The call of the tool.
        offered: Of a call of a model, the tools that its provider may use meanwhile.
    """
    holds, agents = scope.execution.holds, {*scope.within, agent}
    tools = {tool} if tool else offered
    await _fresh(holds)
    held = holds.over(agents, tools)
    if held is None:
        return
    call = {"agent": agent, "tool": tool, "call_id": call_id}
    facts = {name: value for name, value in call.items() if value}
    with scope.execution.waiting():
        while held is not None:
            # Of no step: one call may wait for several holds, one after the other.
            scope.emit("hold.waiting", asdict(held) | facts)
            told = held
            while held == told:
                await asyncio.sleep(_LOOK_SECONDS)
                await _fresh(holds)
                held = holds.over(agents, tools)
        scope.emit("hold.released", {"kind": told.kind, "name": told.name} | facts)


def is_held(scope: Scope, agent: str, offered: Collection[str]) -> bool:
    """Whether a call of a model would wait now; the arguments are those of `pass_holds`."""
    holds = scope.execution.holds
    return holds.stale() or holds.over({*scope.within, agent}, offered) is not None


async def _fresh(holds: Holds) -> None:
    # Not an event that the dispatcher sets: it is the looks that fail to come that matter.
    while holds.stale():  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_SECONDS)

"""The engine's tables."""

from timestep.models.awaits import RunAwait
from timestep.models.calls import ToolStart
from timestep.models.catalogue import CatalogueTool
from timestep.models.events import DELTA_KIND, RunEvent
from timestep.models.holds import ONE_HOLD, Hold, HoldKind
from timestep.models.limits import ModelLimit, ModelTurn
from timestep.models.queues import DEFAULT_QUEUE, DIRECT_QUEUE, Queue, first_limits
from timestep.models.results import RunResult
from timestep.models.runs import (
    ACTIVE_DEDUPLICATION,
    ACTIVE_STATUSES,
    ENDED_STATUSES,
    Run,
    RunStatus,
    Segment,
    SegmentKind,
    SegmentState,
)
from timestep.models.schedules import WAITING_RULES, Overlap, Schedule, Tick, TickOutcome
from timestep.models.sessions import SessionItem, SessionWrite
from timestep.models.specs import AgentSpec
from timestep.models.states import SavedState, StateKind
from timestep.models.workers import Worker, WorkerKind

__all__ = [
    "ACTIVE_DEDUPLICATION",
    "ACTIVE_STATUSES",
    "DEFAULT_QUEUE",
    "DELTA_KIND",
    "DIRECT_QUEUE",
    "ENDED_STATUSES",
    "ONE_HOLD",
    "WAITING_RULES",
    "AgentSpec",
    "CatalogueTool",
    "Hold",
    "HoldKind",
    "ModelLimit",
    "ModelTurn",
    "Overlap",
    "Queue",
    "Run",
    "RunAwait",
    "RunEvent",
    "RunResult",
    "RunStatus",
    "SavedState",
    "Schedule",
    "Segment",
    "SegmentKind",
    "SegmentState",
    "SessionItem",
    "SessionWrite",
    "StateKind",
    "Tick",
    "TickOutcome",
    "ToolStart",
    "Worker",
    "WorkerKind",
    "first_limits",
]

"""Durable AI agents, watched live, with people deciding where it matters.

The public API. Names are resolved when they are first used: importing this package imports
neither Django nor DBOS nor the Agents SDK.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from timestep import scripts as _scripts  # noqa: F401 - it must be imported early

if TYPE_CHECKING:
    from timestep.api import (
        configure_queue,
        follow,
        queue_agent_workflow,
        run_agent,
        run_agent_workflow,
    )
    from timestep.engine.sessions import TimestepSession
    from timestep.engine.travel import (
        CannotTravel,
        build,
        describe,
        register_agent,
        register_function,
        register_guardrail,
        register_tool,
    )
    from timestep.errors import (
        AlreadyResumed,
        DuplicateRun,
        InvalidInput,
        NotConfigured,
        NotLaunched,
        ProgramStopped,
        RunCancelled,
        RunFailed,
        RunIdInUse,
        RunNotFound,
        RunTimedOut,
        ScheduleNotFound,
        TimestepError,
    )
    from timestep.library.agent_result import AgentResult
    from timestep.library.handles import RunHandle
    from timestep.library.scheduling import ScheduleHandle, create_scheduled_agent_workflow
    from timestep.library.setup import cleanup_dbos, configure_dbos, ensure_dbos_launched
    from timestep.library.state_store import RunStateStore
    from timestep.library.streamed_result import StreamedResult
    from timestep.tools import tool_options

_HOMES = {
    "timestep.api": (
        "configure_queue",
        "follow",
        "queue_agent_workflow",
        "run_agent",
        "run_agent_workflow",
    ),
    "timestep.engine.sessions": ("TimestepSession",),
    "timestep.engine.travel": (
        "CannotTravel",
        "build",
        "describe",
        "register_agent",
        "register_function",
        "register_guardrail",
        "register_tool",
    ),
    "timestep.errors": (
        "AlreadyResumed",
        "DuplicateRun",
        "InvalidInput",
        "NotConfigured",
        "NotLaunched",
        "ProgramStopped",
        "RunCancelled",
        "RunFailed",
        "RunIdInUse",
        "RunNotFound",
        "RunTimedOut",
        "ScheduleNotFound",
        "TimestepError",
    ),
    "timestep.library.handles": ("RunHandle",),
    "timestep.library.agent_result": ("AgentResult",),
    "timestep.library.scheduling": ("ScheduleHandle", "create_scheduled_agent_workflow"),
    "timestep.library.setup": ("cleanup_dbos", "configure_dbos", "ensure_dbos_launched"),
    "timestep.library.state_store": ("RunStateStore",),
    "timestep.library.streamed_result": ("StreamedResult",),
    "timestep.tools": ("tool_options",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AgentResult",
    "AlreadyResumed",
    "CannotTravel",
    "DuplicateRun",
    "InvalidInput",
    "NotConfigured",
    "NotLaunched",
    "ProgramStopped",
    "RunCancelled",
    "RunFailed",
    "RunHandle",
    "RunIdInUse",
    "RunNotFound",
    "RunStateStore",
    "RunTimedOut",
    "ScheduleHandle",
    "ScheduleNotFound",
    "StreamedResult",
    "TimestepError",
    "TimestepSession",
    "build",
    "cleanup_dbos",
    "configure_dbos",
    "configure_queue",
    "create_scheduled_agent_workflow",
    "describe",
    "ensure_dbos_launched",
    "follow",
    "queue_agent_workflow",
    "register_agent",
    "register_function",
    "register_guardrail",
    "register_tool",
    "run_agent",
    "run_agent_workflow",
    "tool_options",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

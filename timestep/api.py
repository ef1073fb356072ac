"""The public functions. Each loads what it needs when it is called: importing them is free."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from timestep.errors import InvalidInput
from timestep.library.orders import OnDuplicate, Order, ResultProcessor
from timestep.library.unchanged import UNCHANGED, Unchanged

if TYPE_CHECKING:
    from agents import Agent, RunConfig

    from timestep.library.handles import RunHandle
    from timestep.library.orders import InputItems


async def run_agent_workflow(  # noqa: PLR0913 - all but two have defaults
    agent: Agent[Any],
    input_items: InputItems,
    session: Any = None,
    stream: bool = False,
    *,
    workflow_id: str | None = None,
    timeout_seconds: float | None = None,
    result_processor: ResultProcessor | None = None,
    context: Any = None,
    max_turns: int | None = None,
    run_config: RunConfig | None = None,
) -> Any:
    """Run an agent durably, in this process, and give its result.

    A crash loses nothing: the same program, started again, or any worker that can build the
    agent, goes on after the last finished model or tool call.

    Args:
        agent: The agent; everything in it must be found again by another process
            (docs/how-to/agents-from-code.md).
        input_items: A text, a list of input items, or the state of an interrupted run, whose
            decisions then count.
        session: A session of the SDK, the id of one of our own, or None.
        stream: Return at once a result that streams.
        workflow_id: Id of the run; the same id twice is one execution with one result.
        timeout_seconds: Executing time over all segments; queueing and people do not count.
        result_processor: Called with the result; what it returns (or awaits to) is returned.
        context: The SDK's context: JSON, or an instance of an importable dataclass or model.
        max_turns: How many model calls the run may make. Default: 20.
        run_config: The SDK's run configuration.

    Returns:
        An `AgentResult`, with `stream=True` a `StreamedResult`.

    Raises:
        NotConfigured, NotLaunched: `configure_dbos()` and `ensure_dbos_launched()` come first.
        InvalidInput: A value cannot be used; `field` names it.
        CannotTravel: A part of the agent cannot be found again by another process.
        RunIdInUse: The id belongs to a run with another agent or input.
        AlreadyResumed: The state's revision was resumed with other decisions.
        RunFailed, RunTimedOut, RunCancelled: How the run ended instead.
        ProgramStopped: `cleanup_dbos()` was called before its end; the run goes on without us.
    """
    order = Order(
        agent=agent,
        input_items=input_items,
        session=session,
        workflow_id=workflow_id,
        timeout_seconds=timeout_seconds,
        result_processor=result_processor,
        context=context,
        max_turns=max_turns,
        run_config=run_config,
    )
    _after_setup()
    from timestep.library import checks, running  # noqa: PLC0415 - see the module's docstring

    checks.check_flag("stream", stream)

    return await (running.stream_here(order) if stream else running.run_here(order))


async def run_agent(
    agent: Agent[Any], run_input: InputItems, session: Any = None, stream: bool = False
) -> Any:
    """Run an agent plainly: nothing is kept, and a crash loses it.

    Args:
        agent: Any agent of the SDK; models by the names of docs/settings.md work as well.
        run_input: A text, a list of input items, or a state of the SDK.
        session: A session of the SDK.
        stream: Return the SDK's streaming result.

    Returns:
        The SDK's `RunResult`, with `stream=True` its `RunResultStreaming`.
    """
    from timestep.library import checks, plain  # noqa: PLC0415

    checks.check_agent(agent)
    checks.check_flag("stream", stream)
    return await plain.run(agent, run_input, session, stream=stream)


def queue_agent_workflow(  # noqa: PLR0913 - all but two have defaults
    agent: Agent[Any],
    input_items: InputItems,
    session: Any = None,
    stream: bool = False,
    *,
    queue_name: str | None = None,
    priority: int | None = None,
    deduplication_id: str | None = None,
    workflow_id: str | None = None,
    timeout_seconds: float | None = None,
    delay_seconds: float | None = None,
    on_duplicate: OnDuplicate = "raise",
    result_processor: ResultProcessor | None = None,
    context: Any = None,
    max_turns: int | None = None,
    run_config: RunConfig | None = None,
) -> RunHandle:
    """Queue a run and return at once; a plain call, in sync code and on an event loop alike.

    Args:
        agent: As for `run_agent_workflow`, and so are `session`, `workflow_id`,
            `timeout_seconds`, `result_processor`, `context`, `max_turns` and `run_config`.
        input_items: As there; the state of an interrupted run goes on at once, as that run.
        stream: Accepted for symmetry: what a queued run says can always be followed.
        queue_name: The queue, made where it is named for the first time. Default: `default`,
            which starts at most 50 runs per 60 s.
        priority: Lower runs first, from 1; a run without one comes after all that have one.
        deduplication_id: Refuses a second run with this id until the first has ended.
        delay_seconds: How long it waits before it may start.
        on_duplicate: `raise` a `DuplicateRun`, or `return_existing`: the handle of the first.

    Raises:
        NotConfigured, NotLaunched: `configure_dbos()` and `ensure_dbos_launched()` come first.
        InvalidInput: A value cannot be used; `field` names it.
        CannotTravel: A part of the agent cannot be found again by another process.
        RunIdInUse: The id belongs to a run with another agent or input.
        DuplicateRun: A run with the same deduplication id has not ended; carries its `run_id`.
    """
    order = Order(
        agent=agent,
        input_items=input_items,
        session=session,
        workflow_id=workflow_id,
        timeout_seconds=timeout_seconds,
        result_processor=result_processor,
        context=context,
        max_turns=max_turns,
        run_config=run_config,
        queue_name=queue_name,
        priority=priority,
        deduplication_id=deduplication_id,
        delay_seconds=delay_seconds,
        on_duplicate=on_duplicate,
    )
    _after_setup()
    from timestep.library import checks, queueing  # noqa: PLC0415

    checks.check_flag("stream", stream)
    return queueing.queued(order)


def configure_queue(
    name: str,
    *,
    limit: int | Unchanged | None = UNCHANGED,
    period: float | Unchanged = UNCHANGED,
    concurrency: int | Unchanged | None = UNCHANGED,
    worker_concurrency: int | Unchanged | None = UNCHANGED,
) -> None:
    """Set a queue's limits, also while it is in use; what is left out stays as it is.

    Args:
        name: The queue; made if there is none.
        limit: Run starts per period; None for no limit. Default of a new queue: 50.
        period: Seconds. Default of a new queue: 60.
        concurrency: What executes at one time over all workers, however it began; None for no
            limit.
        worker_concurrency: The same on each worker; None for no limit.

    Raises:
        NotConfigured, NotLaunched: `configure_dbos()` and `ensure_dbos_launched()` come first.
        InvalidInput: A value cannot be used; `field` names it.
    """
    _after_setup()
    from timestep.library import queueing  # noqa: PLC0415

    limits = {"limit": limit, "period": period}
    limits |= {"concurrency": concurrency, "worker_concurrency": worker_concurrency}
    queueing.set_queue(name, {key: v for key, v in limits.items() if v is not UNCHANGED})


def follow(run_id: str, after: int = 0) -> AsyncIterator[dict[str, Any]]:
    """Yield a run's events as they happen, until it has ended; at most about 0.1 s late.

    Args:
        run_id: The run, wherever it executes.
        after: The `seq` of the last event seen; what was missed comes first, once.

    Yields:
        `{"seq", "kind", "payload", "at"}`, as the websocket sends (docs/live.md).

    Raises:
        NotConfigured, NotLaunched: `configure_dbos()` comes first, and the tables.
        InvalidInput: A value cannot be used; `field` names it.
        RunNotFound: There is no such run.
    """
    _after_setup(launched=False)
    from timestep.library import checks, following  # noqa: PLC0415

    checks.check_text("run_id", run_id)
    if isinstance(after, bool) or not isinstance(after, int) or after < 0:
        raise InvalidInput("after", "use the seq of an event, or 0 for all of them")
    return following.events_until(run_id, after, lambda: False)


def _after_setup(*, launched: bool = True) -> None:
    """Refuse a call that comes too early: the tables cannot even be imported then."""
    from timestep.library import setup  # noqa: PLC0415

    if launched:
        setup.launched()
    else:
        setup.configured()

"""One side of `benchmarks.library_run`: a program that runs the same agent when told to.

`python -m benchmarks.runner_child ours|other`: a line in, a run, a line with its seconds out.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from agents import Agent, RunConfig, function_tool

TURNS = 5


async def _look_up(word: str) -> str:
    """Look a word up."""
    return f"{word} means something"


look_up = function_tool(_look_up, name_override="look_up")
AGENT = Agent(name="reader", model="gpt-test", instructions="Read.", tools=[look_up])
Run = Callable[[str], Awaitable[Any]]


def _ours() -> Run:
    from timestep import (  # noqa: PLC0415 - each side loads its own library only
        configure_dbos,
        ensure_dbos_launched,
        run_agent_workflow,
    )

    configure_dbos()
    ensure_dbos_launched()

    async def run(text: str) -> Any:
        return (await run_agent_workflow(AGENT, text)).output

    return run


def _other() -> Run:
    from dbos import DBOS, DBOSConfig  # noqa: PLC0415
    from dbos_openai_agents import DBOSRunner  # noqa: PLC0415

    url = os.environ["BENCHMARK_OTHER_URL"]
    DBOS(config=DBOSConfig(name="other", system_database_url=url, log_level="ERROR"))
    config = RunConfig(tracing_disabled=True)

    # As its documentation has it: a tool call is a step where its function is one.
    step = function_tool(DBOS.step(name="look_up")(_look_up), name_override="look_up")
    agent = AGENT.clone(tools=[step])

    @DBOS.workflow(name="other")
    async def workflow(text: str) -> Any:
        return (await DBOSRunner.run(agent, text, run_config=config)).final_output

    DBOS.launch()
    return workflow


async def _serve(run: Run) -> None:
    for line in sys.stdin:
        began = time.perf_counter()
        output = await run(line.strip())
        took = time.perf_counter() - began
        assert "means something" in output, output
        print(took, flush=True)


if __name__ == "__main__":
    chosen = {"ours": _ours, "other": _other}[sys.argv[1]]()
    print("ready", flush=True)
    asyncio.run(_serve(chosen))

"""A program that uses the library as its test tells it: a line of JSON in, a line of JSON out."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import timestep
from tests.library import scenarios, state_scenarios


async def _answer(line: str) -> dict[str, Any]:
    asked = json.loads(line)
    try:
        home = scenarios if hasattr(scenarios, asked["call"]) else state_scenarios
        return {"result": await getattr(home, asked["call"])(**asked["arguments"])}
    except Exception as error:  # noqa: BLE001 - the test asks what it was
        about = {k: v for k, v in vars(error).items() if isinstance(v, str | int | dict)}
        return {"error": type(error).__name__, "message": str(error)} | {"about": about}


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _serve() -> None:
    timestep.configure_dbos(name="driven")
    timestep.ensure_dbos_launched()
    _say({"ready": True})
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            _say(runner.run(_answer(line)))


if __name__ == "__main__":
    _serve()

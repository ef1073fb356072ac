"""Record each scene's interrupted state under the openai-agents of this interpreter.

    python -m venv recording && recording/bin/pip install openai-agents==0.22.3
    recording/bin/python -m tests.corpus.record

writes `tests/corpus/states/0.22.3/<scene>.json`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib.metadata import version
from pathlib import Path

from agents import RunConfig, Runner

from tests.corpus.scenes import INPUT, SCENES, Scene

STATES = Path(__file__).parent / "states"


async def record(name: str, scene: Scene, into: Path) -> None:
    """Play a scene until it waits, and write its state down."""
    result = await Runner.run(
        scene.play(True), INPUT, context=scene.context, run_config=RunConfig(tracing_disabled=True)
    )
    state = result.to_state()
    waits = [item.call_id for item in state.get_interruptions()]
    if waits != scene.waits:
        sys.exit(f"{name}: {waits} wait, and not {scene.waits}")
    scene.decide(state)
    text = json.dumps(state.to_json(), indent=1)
    (into / f"{name}.json").write_text(text + "\n")


def main() -> None:
    """Record all scenes."""
    into = STATES / version("openai-agents")
    into.mkdir(parents=True, exist_ok=True)
    for name, scene in SCENES.items():
        asyncio.run(record(name, scene, into))
    print(f"{len(SCENES)} states in {into}")  # noqa: T201 - a command says what it did


if __name__ == "__main__":
    main()

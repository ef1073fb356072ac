from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from agents import Agent, Runner, function_tool
from agents.run import RunConfig

from tests.fake_openai import FakeOpenAI
from timestep.engine.providers import model_for

QUIET = RunConfig(tracing_disabled=True)


@function_tool
async def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


def _agent() -> Agent[Any]:
    return Agent(name="a", instructions="Double.", model=model_for("gpt-test"), tools=[double])


CALLS = [{"name": "double", "arguments": {"number": number}} for number in (4, 5)]
SCRIPT = {"turns": [{"calls": CALLS}, {"text": "{input}: {outputs} in turn {turn}"}]}


async def test_it_plays_an_agent_with_parallel_calls(fake: FakeOpenAI) -> None:
    fake.script = SCRIPT
    result = await Runner.run(_agent(), "both", run_config=QUIET)
    assert result.final_output == "both: 8 | 10 in turn 1"
    assert [count["asked"] for count in fake.counts().values()] == [1, 1]


async def test_a_repeated_request_is_the_same_turn(fake: FakeOpenAI) -> None:
    fake.script = SCRIPT
    for _ in range(2):
        await Runner.run(_agent(), "again", run_config=QUIET)
    counts = list(fake.counts().values())
    assert [(c["asked"], c["answered"]) for c in counts] == [(2, 2), (2, 2)]


async def test_a_second_question_in_a_session_starts_anew(fake: FakeOpenAI) -> None:
    fake.script = SCRIPT
    first = await Runner.run(_agent(), "one", run_config=QUIET)
    more: Any = [*first.to_input_list(), {"role": "user", "content": "two"}]
    second = await Runner.run(_agent(), more, run_config=QUIET)
    assert second.final_output == "two: 8 | 10 in turn 1"


async def test_scripts_by_conversation(fake: FakeOpenAI) -> None:
    special = {"input_contains": "special", "turns": [{"text": "for you"}]}
    fake.script = {"conversations": [special], "turns": [{"text": "for all"}]}
    outputs = [(await Runner.run(_agent(), text, run_config=QUIET)).final_output
               for text in ("so special", "plain")]  # fmt: skip
    assert outputs == ["for you", "for all"]


async def test_it_starts_by_itself_and_answers_about_itself(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"turns": [{"text": "from a file"}]}))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fake_openai", "--script", str(script),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    url = json.loads(await process.stdout.readline())["url"]
    answer = await asyncio.to_thread(_post, f"{url}/responses", {"model": "m", "input": "x"})
    seen = await asyncio.to_thread(_post, f"{url[:-3]}/_requests", None)
    process.terminate()
    assert await process.wait() == 0
    assert answer["output"][0]["content"][0]["text"] == "from a file"
    assert (seen["total"], seen["requests"][0]["outcome"]) == (1, "answered")


def _post(url: str, body: Any) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(url, data) as response:
        return json.loads(response.read())

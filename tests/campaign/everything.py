"""Runs that have everything at once that an agent made in code can have.

The starter has instructions that change each time, guardrails before and beside its model, and
calls in parallel: tools, one between two guardrails, tools of MCP servers over stdio and HTTP, and
twice an agent that has another agent as a tool. It hands off, through a filter, to the closer,
which makes calls that must not be repeated, waits for people, and ends with a structured answer
that guardrails look at.
"""

from __future__ import annotations

import random
from typing import Any

from agents import Agent, RunConfig, WebSearchTool, handoff

from tests.campaign import code, mcp, tools
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation
from tests.campaign.rules import Scenario
from timestep.models import Run

MODEL = "test-model"
CONFIG = RunConfig(input_guardrails=[code.of_run], output_guardrails=[code.of_end])
CALLED = frozenset({"fetch", "fetch_blocking", "measured", "charge", "pay", "pay_sometimes"})
GUARDRAILS = frozenset({"racing", "first", "of_run", "last", "of_end"})
SERVED = frozenset({"look", "change"})
# Of a server's answer. The clock runs on in a worker that is frozen, for up to 14 s: with the SDK's
# 5 s a call in flight would be told to the model as one that failed, as under a plain runner.
FROZEN_S = 60
NAMED_CONFIG: Any = {"include_server_in_tool_names": True}


def starter(engine: Installation) -> Agent[Any]:
    """The agent that starts, with all others in its reach."""
    patient: Any = {"client_session_timeout_seconds": FROZEN_S}
    files, web = mcp.stdio(engine, **patient), mcp.http(engine, **patient)
    inner = Agent[Any](
        name="inner",
        model=MODEL,
        tools=[tools.fetch],
        mcp_servers=[web],
        mcp_config=NAMED_CONFIG,
        input_guardrails=[code.racing],
    )
    asks_inner = inner.as_tool("ask_inner", "Ask the inner agent.")
    helper = Agent[Any](name="helper", model=MODEL, tools=[tools.fetch_blocking, asks_inner])
    closer = Agent[Any](
        name="closer",
        model=MODEL,
        tools=[tools.fetch, tools.charge, tools.pay, code.pay_sometimes],
        mcp_servers=[files],
        mcp_config=NAMED_CONFIG,
        output_type=code.Report,
        output_guardrails=[code.last],
    )
    first = Agent[Any](
        name="starter",
        model=MODEL,
        instructions=code.nonce_instructions,
        tools=[
            tools.fetch,
            tools.fetch_blocking,
            code.measured,
            WebSearchTool(),
            helper.as_tool("ask_helper", "Ask.", custom_output_extractor=code.extracted),
        ],
        mcp_servers=[files, web],
        mcp_config=NAMED_CONFIG,
        input_guardrails=[code.racing, code.first],
        tool_use_behavior=code.stop_at_report,
        handoffs=[handoff(closer, input_filter=code.same_items, on_handoff=code.noted_handoff)],
    )
    closer.handoffs = [first]
    return first


def launch_one(engine: Installation, number: int, rng: random.Random) -> Run:
    """Launch a run of its own conversation, with durations drawn from `rng`."""
    checks = " ".join(f"{name}={_seconds(rng)}" for name in ("racing", "first", "of_run"))
    text = f"everything run {number:03}. {checks}"
    errands = [f"errand {i} of {number:03}. of_run={_seconds(rng)}" for i in range(2)]
    for i, errand in enumerate(errands):
        detail = f"detail {i} of {number:03}. racing={_seconds(rng)} "
        inner = [_plain(rng, "fetch", f"i{i}"), _served(rng, "web", "look", f"{number}i{i}")]
        engine.double.says(
            script(detail, {"calls": inner}, {"text": "inner found {outputs}"}),
            script(errand, *_helper_turns(rng, detail, i), token_delay=0.01),
        )
    engine.double.says(script(text, *_turns(rng, number, errands), token_delay=0.02))
    name = f"everything-{number:03}"
    options: Json = {"run_id": name, "session_id": name, "launched_from": "test"}
    return engine.launch_code(starter(engine), text, run_config=CONFIG, **options)


def _helper_turns(rng: random.Random, detail: str, i: int) -> list[Json]:
    calls = [_plain(rng, "fetch_blocking", f"h{i}"), call("ask_inner", input=detail)]
    return [{"text": "On my way.", "calls": calls}, {"text": "helper found {outputs}"}]


def _turns(rng: random.Random, number: int, errands: list[str]) -> list[Json]:
    action = {"type": "search", "query": "everything"}
    searched = {"type": "web_search_call", "id": f"ws_{number}", "status": "completed"}
    first = [_plain(rng, name, name) for name in ("fetch", "fetch_blocking", "measured")]
    first += [_served(rng, name, "look", f"{number}{name}") for name in ("files", "web")]
    first += [call("ask_helper", input=errand) for errand in errands]
    rng.shuffle(first)
    risky = [_plain(rng, "charge", "once"), _served(rng, "files", "change", f"{number}change")]
    asking = [_plain(rng, "pay", "paid"), _plain(rng, "pay_sometimes", "ask")]
    return [
        {"text": "I look.", "calls": first, "items": [{**searched, "action": action}]},
        {"text": "Over to the closer.", "calls": [call("transfer_to_closer")]},
        {"calls": [*risky, _plain(rng, "fetch", "c")]},
        {"calls": [_plain(rng, "fetch", "d"), *asking]},
        {"text": f'{{"title": "run {number}", "lines": ["all", "done"]}}', "delay": 0.1},
    ]


def _plain(rng: random.Random, tool: str, tag: str) -> Json:
    return call(tool, tag=tag, seconds=_seconds(rng))


def _served(rng: random.Random, server: str, tool: str, tag: str) -> Json:
    return call(f"mcp_{server}__{tool}", tag=f"tag-{tag}", seconds=_seconds(rng))


def _seconds(rng: random.Random) -> float:
    return round(rng.uniform(0.1, 1.2), 2)


def wrong_pairs(body: Json) -> list[str]:
    """Calls in a request to the model whose output belongs to another call, or is missing."""
    items: list[Json] = body["input"]
    outputs = {i["call_id"]: i["output"] for i in items if i.get("type") == "function_call_output"}
    calls = [item for item in items if item.get("type") == "function_call"]
    wrong = [f"{c['name']} {c['call_id']}: no output" for c in calls if c["call_id"] not in outputs]
    for one in calls:
        output, wanted = _text(outputs.get(one["call_id"], "")), _wanted(one)
        if not output.startswith(wanted):
            wrong.append(f"{one['name']} {one['call_id']} has the output {output!r:.200}")
    return wrong


def _text(output: Any) -> str:
    return output if isinstance(output, str) else "".join(part["text"] for part in output)


def _wanted(made: Json) -> str:
    """How the output of a call begins."""
    name, tag = made["name"], made["arguments"].partition('"tag": "')[2].partition('"')[0]
    if name.startswith("mcp_"):
        return f"{name.rpartition('__')[2]}:{tag}"
    fixed = {"transfer_to_closer": '{"assistant": "closer"}', "ask_inner": "inner found fetch:"}
    fixed["ask_helper"] = "extracted helper found fetch_blocking:"
    return fixed.get(name) or tools.expected(name, tag, made["call_id"])


def _told(asked: Any) -> str:
    tag = asked.arguments["tag"]
    served = asked.tool.startswith("mcp_")
    return f"change:{tag}" if served else tools.expected(asked.tool, tag, asked.call_id)


def _journal_id(asked: Any) -> str:
    return str(asked.arguments["tag"] if asked.tool.startswith("mcp_") else asked.call_id)


EVERYTHING = Scenario(
    launch=launch_one,
    final_turn=4,
    calls_remembered=7 + 1 + 3 + 3,
    model_calls=5 + 2 * (2 + 2),
    tools=CALLED,
    unrepeatable=frozenset({"charge", "pay", "pay_sometimes", "change"}),
    others=GUARDRAILS | SERVED,
    final=lambda number, _outputs: {"title": f"run {number}", "lines": ["all", "done"]},
    wrong_pairs=wrong_pairs,
    told=_told,
    journal_id=_journal_id,
    around=mcp.served,
)

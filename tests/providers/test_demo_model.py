from __future__ import annotations

import json
import time
from typing import Any

import pytest
from agents import Agent, ModelSettings, Runner, function_tool
from agents.models.interface import Model
from agents.run import RunConfig
from openai.types.responses import ResponseCompletedEvent
from pydantic import BaseModel

from tests.providers.conftest import ask, tool
from timestep.demo import CONCIERGE_INPUT, DEMO_AGENTS, DEMO_INPUT, tools
from timestep.engine.providers import model_for
from timestep.engine.providers.demo import tokens_per_second

QUIET = RunConfig(tracing_disabled=True)
SIGNATURE = "(demo model, offline)"


def instant() -> Model:
    return model_for("demo/instant")


def demo_agents() -> dict[str, Agent[Any]]:
    agents: dict[str, Agent[Any]] = {}
    for entry in DEMO_AGENTS:
        agents[entry["slug"]] = Agent(
            name=entry["name"],
            instructions=entry["instructions"],
            model=instant(),
            tools=[getattr(tools, name) for name in entry["tools"]],
        )
    for entry in DEMO_AGENTS:
        agents[entry["slug"]].handoffs = [agents[slug] for slug in entry["handoffs"]]
    return agents


def calls(result: Any) -> list[tuple[str, Any]]:
    raw = [item.raw_item for item in result.new_items]
    made = [item for item in raw if getattr(item, "type", "") == "function_call"]
    return [(call.name, json.loads(call.arguments)) for call in dict.fromkeys(made_once(made))]


def made_once(made: list[Any]) -> list[Any]:
    """Calls that wait for approval appear as an interruption too."""
    by_id = {call.call_id: call for call in made}
    return [_Hashable(call) for call in by_id.values()]


class _Hashable:
    def __init__(self, call: Any) -> None:
        self.name, self.arguments = call.name, call.arguments


REFUND = {
    "order_id": "4711",
    "amount": "25.00",
    "currency": "EUR",
    "reason": "My order 4711 arrived with a broken cup",
}


@pytest.mark.parametrize("approve", [True, False])
async def test_support_desk_to_an_answered_refund(approve: bool) -> None:
    desk = demo_agents()["support-desk"]
    paused = await Runner.run(desk, DEMO_INPUT, run_config=QUIET)
    [waiting] = paused.interruptions
    assert (waiting.name, json.loads(waiting.arguments or "")) == ("refund_order", REFUND)
    state = paused.to_state()
    if approve:
        state.approve(waiting)
    else:
        state.reject(waiting, rejection_message="The call was rejected. Their reason: too much")
    result = await Runner.run(desk, state, run_config=QUIET)
    told = "status refunded" if approve else "a person rejected it (too much)"
    assert told in result.final_output
    assert result.final_output.endswith(SIGNATURE)
    assert result.last_agent.name == "Refunds"
    names = [name for name, _ in calls(result)]
    assert names == ["lookup_order", "transfer_to_refunds", "refund_order"]


async def test_no_handoff_without_a_reason() -> None:
    result = await Runner.run(
        demo_agents()["support-desk"], "Where is order 4712?", run_config=QUIET
    )
    assert calls(result) == [("lookup_order", {"order_id": "4712"})]
    assert "on its way" in result.final_output


async def test_a_refund_without_an_amount_takes_what_the_order_cost() -> None:
    result = await Runner.run(demo_agents()["refunds"], "Refund order 4712", run_config=QUIET)
    assert json.loads(result.interruptions[0].arguments or "")["amount"] == "74.50"


async def test_concierge_calls_in_parallel_what_fits() -> None:
    result = await Runner.run(demo_agents()["concierge"], CONCIERGE_INPUT, run_config=QUIET)
    assert len(result.raw_responses) == 2
    assert sorted(calls(result)) == [
        ("find_restaurants", {"city": "Lisbon", "cuisine": "fish"}),
        ("get_weather", {"city": "Lisbon"}),
    ]


async def test_what_one_tool_says_goes_into_the_next() -> None:
    text = "I am ada@example.com, what did I order?"
    result = await Runner.run(demo_agents()["support-desk"], text, run_config=QUIET)
    assert calls(result) == [
        ("find_customer", {"email": "ada@example.com"}),
        ("lookup_order", {"order_id": "4711"}),
    ]


async def test_small_talk_calls_nothing() -> None:
    result = await Runner.run(demo_agents()["concierge"], "Good morning!", run_config=QUIET)
    assert calls(result) == []
    assert SIGNATURE in result.final_output


async def test_tools_without_any_hint_are_all_called_once() -> None:
    some = [tool("alpha", "", tag={"type": "string"}), tool("beta", "", n={"type": "integer"})]
    agent = Agent[Any](name="a", model=instant(), tools=list(some))
    result = await Runner.run(agent, "go 5", run_config=QUIET)
    assert sorted(calls(result)) == [("alpha", {"tag": "go 5"}), ("beta", {"n": 5})]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (ModelSettings(tool_choice="none"), []),
        (ModelSettings(tool_choice="beta"), ["beta"]),
        (ModelSettings(parallel_tool_calls=False), ["alpha"]),
    ],
)
async def test_settings_are_kept(settings: ModelSettings, names: list[str]) -> None:
    both = [tool("alpha"), tool("beta")]
    events = await ask("demo/instant", "go", tools=both, **_set(settings))
    done = events[-1]
    assert isinstance(done, ResponseCompletedEvent)
    assert [item.name for item in done.response.output if item.type == "function_call"] == names


def _set(settings: ModelSettings) -> dict[str, Any]:
    return {key: value for key, value in vars(settings).items() if value is not None}


def chain() -> Agent[Any]:
    first = Agent[Any](name="first", instructions="Always hand off to second.", model=instant())
    second = Agent[Any](name="second", instructions="Transfer to first.", model=instant())
    first.handoffs, second.handoffs = [second], [first]
    return first


async def test_handoffs_when_told_and_never_in_circles() -> None:
    result = await Runner.run(chain(), "hello", run_config=QUIET)
    assert [name for name, _ in calls(result)] == ["transfer_to_second", "transfer_to_first"]
    assert SIGNATURE in result.final_output


@function_tool(failure_error_function=lambda _, error: f"Error: {error}")
async def fail_always(order_id: str) -> str:
    """Fail."""
    raise ValueError(f"no stock for {order_id}")


async def test_failures_are_told_and_not_repeated() -> None:
    agent = Agent[Any](name="a", model=instant(), tools=[fail_always])
    result = await Runner.run(agent, "Fail for order 12", run_config=QUIET)
    assert len(calls(result)) == 1
    assert "Fail always failed: no stock for 12." in result.final_output


@function_tool
async def fail_silently() -> str:
    """Fail."""
    raise ValueError


async def test_failures_without_a_reason_are_told_too() -> None:
    agent = Agent[Any](name="a", model=instant(), tools=[fail_silently])
    result = await Runner.run(agent, "Fail silently", run_config=QUIET)
    assert result.final_output == f"Fail silently failed. {SIGNATURE}"


class Report(BaseModel):
    city: str
    celsius: int
    sky: str
    summary: str


async def test_output_schemas_are_filled_from_what_is_known() -> None:
    agent = Agent[Any](name="a", model=instant(), tools=[tools.get_weather], output_type=Report)
    result = await Runner.run(agent, "What is the weather in Oslo?", run_config=QUIET)
    report = result.final_output
    assert (report.city, report.celsius, report.sky) == ("Oslo", 9, "rain")
    assert report.summary.endswith(SIGNATURE)


async def test_the_next_question_of_a_session_is_answered_anew() -> None:
    agent = demo_agents()["concierge"]
    first = await Runner.run(agent, "Weather in Oslo?", run_config=QUIET)
    more: Any = [*first.to_input_list(), {"role": "user", "content": "And the weather in Paris?"}]
    second = await Runner.run(agent, more, run_config=QUIET)
    assert calls(second) == [("get_weather", {"city": "Paris"})]
    assert "Oslo" not in second.final_output


async def test_the_same_call_gives_the_same_answer_and_others_other_ids() -> None:
    given = [tool("alpha", "", tag={"type": "string"})]
    one, again, other = [
        (await ask("demo/instant", text, tools=given))[-1] for text in ("go", "go", "went")
    ]
    assert one == again
    assert isinstance(one, ResponseCompletedEvent)
    assert isinstance(other, ResponseCompletedEvent)
    assert one.response.output[1].call_id != other.response.output[1].call_id  # type: ignore[union-attr]


async def test_it_says_what_it_is_about_to_do() -> None:
    given = [tool("find_order", "", order_id={"type": "string"})]
    done = (await ask("demo/instant", "find order 4711", tools=given))[-1]
    assert isinstance(done, ResponseCompletedEvent)
    assert done.response.output_text == "I use find order with order id 4711."


async def test_events_come_in_the_apis_order_and_count_tokens() -> None:
    events = await ask("demo/instant", "hello there")
    kinds = list(dict.fromkeys(event.type.removeprefix("response.") for event in events))
    assert kinds == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    usage = events[-1].response.usage  # type: ignore[union-attr]
    assert usage is not None
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 10


async def test_deltas_add_up_to_the_text() -> None:
    events = await ask("demo/instant", "Größe\n  und “Zeichen” 你好 " + "x" * 99)
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    [done] = [event for event in events if event.type == "response.output_text.done"]
    assert text == done.text


def test_paces(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tokens_per_second("fast") > tokens_per_second("slow") > tokens_per_second("instant") == 0
    monkeypatch.setenv("TIMESTEP_DEMO_TOKENS_PER_SECOND", "33")
    named = [tokens_per_second(name) for name in ("fast", "slow", "instant", "50tps")]
    assert named == [33, 33, 0, 50]


async def test_the_pace_is_kept() -> None:
    begun = time.perf_counter()
    events = await ask("demo/100tps", "hello")
    deltas = sum(event.type == "response.output_text.delta" for event in events)
    assert time.perf_counter() - begun == pytest.approx(deltas / 100, rel=0.5)

"""Guardrails in real runs: recorded, the same on a replay, and a normal end where they trip."""

from __future__ import annotations

from typing import Any

import pytest
from agents import Agent, RunConfig

from tests.campaign import code, tools
from tests.campaign.double import call, script
from tests.campaign.installation import Installation
from timestep.errors import RetryHindered
from timestep.models import Run, SessionItem
from timestep.services.retry import retry

SAYS = {"text": "the answer to {input}"}
CONFIG = RunConfig(input_guardrails=[code.of_run], output_guardrails=[code.of_end])


def guarded(name: str = "guarded", **fields: Any) -> Agent[Any]:
    """An agent with guardrails on both ends."""
    return Agent(
        name=name,
        instructions="Be safe.",
        model="test-model",
        input_guardrails=[code.racing, code.first],
        output_guardrails=[code.last],
        **fields,
    )


def error_of(run: Run) -> dict[str, Any]:
    """The error of a failed run."""
    assert run.error, run.status
    return dict(run.error)


def starts(engine: Installation, name: str, text: str) -> int:
    """How often a guardrail began to look at something."""
    return len(engine.calls(name, "start", text))


def finished(engine: Installation, run: Run) -> dict[str, dict[str, Any]]:
    """What each guardrail of a run said, by its name."""
    events = engine.events(run, "guardrail.finished")
    return {event.payload["guardrail"]: event.payload for event in events}


def test_guardrails_are_steps_with_events(engine: Installation) -> None:
    text = "guarded-all racing=0.2"
    engine.double.says(script(text, SAYS))
    run = engine.launch_code(guarded(), text, run_config=CONFIG)
    run = engine.wait(run, "succeeded", "failed")
    assert run.final_output == f"the answer to {text}"
    said = finished(engine, run)
    assert said.keys() == {"racing", "first", "of the run", "last", "of the run's end"}
    assert {one["kind"] for one in said.values()} == {"input", "output"}
    assert not any(one["tripped"] for one in said.values())
    assert said["racing"]["duration_ms"] >= 200
    assert said["of the run's end"]["output_info"] is None
    started = [event.payload["guardrail"] for event in engine.events(run, "guardrail.started")]
    assert started[0] == "first"
    assert sorted(started) == sorted(said)


@pytest.mark.parametrize(
    ("name", "shown", "kind"),
    [
        ("racing", "racing", "InputGuardrailTripwireTriggered"),
        ("first", "first", "InputGuardrailTripwireTriggered"),
        ("of_run", "of the run", "InputGuardrailTripwireTriggered"),
        ("last", "last", "OutputGuardrailTripwireTriggered"),
        ("of_end", "of the run's end", "OutputGuardrailTripwireTriggered"),
    ],
)
def test_a_tripwire_ends_the_run(engine: Installation, name: str, shown: str, kind: str) -> None:
    text = f"trip-{name} once"
    engine.double.says(script(text, SAYS | {"delay": 0.5}))
    run = engine.launch_code(guarded(), text, run_config=CONFIG, session_id=f"s-{name}")
    run = engine.wait(run, "failed", "succeeded")
    error = error_of(run)
    assert (error["what"], error["type"]) == (f"guardrail {shown}", kind), error
    assert f"guardrail {shown} ended the run" in error["message"]
    assert error["traceback"] == ""
    said = finished(engine, run)[shown]
    assert said["tripped"]
    assert str(said["output_info"] or "") in error["message"]
    if kind.startswith("Input"):
        with pytest.raises(RetryHindered, match="refused the input"):
            retry(run.run_id, by="test")
    assert starts(engine, name, text) == 1


@pytest.mark.parametrize("name", ["last", "of_end"])
def test_an_answer_that_a_guardrail_refused_is_asked_for_again(
    engine: Installation, name: str
) -> None:
    text = f"trip-{name} again"
    engine.double.says(script(text, SAYS))
    run = engine.launch_code(guarded(), text, run_config=CONFIG, session_id=f"again-{name}")
    run = engine.wait(run, "failed", "succeeded")
    retry(run.run_id, by="test")
    run = engine.wait(run, "failed", "succeeded")
    assert (run.status, len(engine.double.requests(text))) == ("failed", 2)
    engine.double.first(script(text, {"text": "better"}))
    retry(run.run_id, by="test")
    run = engine.wait(run, "failed", "succeeded")
    assert (run.status, run.final_output) == ("succeeded", "better")
    rows = SessionItem.objects.filter(session_id=f"again-{name}").order_by("pk")
    assert [row.item.get("role") for row in rows] == ["user", "assistant"]


def test_a_guardrail_that_raises_fails_the_run_until_a_retry(engine: Installation) -> None:
    text = "raise-racing once"
    engine.double.says(script(text, SAYS))
    run = engine.wait(engine.launch_code(guarded(), text), "failed", "succeeded")
    error = error_of(run)
    assert (error["what"], error["type"]) == ("guardrail racing", "RuntimeError")
    retry(run.run_id, by="test")
    run = engine.wait(run, "succeeded", "failed")
    assert run.final_output == f"the answer to {text}"


@pytest.mark.parametrize("what", ["allow", "reject-before", "reject-after"])
def test_guardrails_of_tools(engine: Installation, what: str) -> None:
    text = f"measured {what}"
    calls = [call("measured", tag=f"{what}{i}", seconds=0.1) for i in range(2)]
    engine.double.says(script(text, {"calls": calls}, {"text": "{outputs}"}))
    agent = Agent[Any](name="measuring", model="test-model", tools=[code.measured])
    run = engine.wait(engine.launch_code(agent, text), "succeeded", "failed")
    kinds = [event.payload["kind"] for event in engine.events(run, "guardrail.finished")]
    if what == "reject-before":
        assert run.final_output == "before says no | before says no"
        assert kinds == ["tool input"] * 2
        return
    assert sorted(kinds) == ["tool input"] * 2 + ["tool output"] * 2
    said = {e.payload["behavior"] for e in engine.events(run, "guardrail.finished")}
    assert said == ({"allow"} if what == "allow" else {"allow", "reject_content"})
    if what == "allow":
        [made] = engine.events(run, "model.finished")[:1]
        ids = [one["call_id"] for one in made.payload["tool_calls"]]
        tagged = [tools.expected("measured", f"allow{i}", ids[i]) for i in range(2)]
        assert run.final_output == " | ".join(tagged)


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_tools_tripwire_ends_the_run(engine: Installation, where: str) -> None:
    text = f"measured trip-{where}"
    made = call("measured", tag=f"trip-{where}", seconds=0)
    engine.double.says(script(text, {"calls": [made]}, {"text": "{outputs}"}))
    agent = Agent[Any](name="measuring", model="test-model", tools=[code.measured])
    run = engine.wait(engine.launch_code(agent, text), "succeeded", "failed")
    assert error_of(run)["what"] == f"guardrail {where}"
    assert f'{{"by": "{where}"}}' in error_of(run)["message"]
    assert error_of(run)["step"]

"""Tools that fail, and texts that databases refuse, with real workers."""

from __future__ import annotations

from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent
from tests.campaign.tools import expected
from timestep.models import Run, SessionItem
from timestep.services.retry import retry


def one_call(engine: Installation, text: str, tool: str, **arguments: object) -> tuple[Run, str]:
    """A run of an agent that makes one call and says what it returned; and the call's id."""
    engine.double.says(script(text, {"calls": [call(tool, **arguments)]}, {"text": "{outputs}"}))
    run = engine.launch([agent("caller", tools=[tool])], text)
    run = engine.wait(run, "succeeded", "failed")
    return run, f"call_{engine.double.requests(text)[0]['conversation']}_0_0"


def test_what_a_tool_raises_is_told_to_the_model(engine: Installation) -> None:
    run, _ = one_call(engine, "tool-told", "fail_told", tag="a")
    assert run.status == "succeeded"
    assert "error occurred" in str(run.final_output)
    [finished] = engine.events(run, "tool.finished")
    assert (finished.payload["ok"], finished.payload["error"]) == (
        False,
        "ValueError: no luck with a",
    )


def test_a_tool_that_tells_nobody_fails_the_run_and_is_retried(engine: Installation) -> None:
    run, call_id = one_call(engine, "tool-fails", "fail_once", tag="a")
    assert run.error is not None
    assert run.error["what"] == "tool fail_once"
    assert run.error["type"] == "ValueError"
    assert run.error["message"] == "the first call of a fails"
    assert "fail_once" in run.error["traceback"]
    retry(run.run_id, by="test")
    run = engine.wait(run, "succeeded")
    assert run.final_output == expected("fail_once", "a", call_id)
    assert [r["turn"] for r in engine.double.requests("tool-fails")] == [0, 1]


def test_a_timeout_of_the_tools_own_is_no_timeout_of_ours(engine: Installation) -> None:
    run, call_id = one_call(engine, "tool-late", "fail_late", tag="a")
    assert run.error is not None
    assert run.error["message"] == "the warehouse took too long for a"
    retry(run.run_id, by="test")
    run = engine.wait(run, "succeeded")
    assert run.final_output == expected("fail_late", "a", call_id)


def test_a_failing_tool_lets_its_siblings_results_stand(engine: Installation) -> None:
    calls = [call("charge", tag="a", seconds=0.5), call("fail_once", tag="b")]
    turns: list[Json] = [{"calls": calls}, {"text": "{outputs}"}]
    engine.double.says(script("siblings", *turns))
    run = engine.launch([agent("caller", tools=["charge", "fail_once"])], "siblings")
    run = engine.wait(run, "failed", "awaiting_approval")
    conversation = engine.double.requests("siblings")[0]["conversation"]
    retry(run.run_id, by="test")
    run = engine.wait(run, "succeeded", "awaiting_approval")
    assert run.status == "succeeded"
    assert len(engine.calls("charge", "start", conversation)) == 1


def test_characters_that_databases_refuse(engine: Installation) -> None:
    text = "nul \x00, half a pair \ud800, whole \N{GRINNING FACE}"
    engine.double.says(
        script("nasty-text", {"calls": [call("say_nasty")], "text": text}, {"text": text})
    )
    agents = [agent("nasty", tools=["say_nasty"])]
    run = engine.launch(agents, "nasty-text", session_id="nasty-session")
    run = engine.wait(run, "succeeded", "failed")
    assert run.status == "succeeded", run.error
    assert "whole \N{GRINNING FACE}" in str(run.final_output)
    assert SessionItem.objects.filter(session_id="nasty-session").count() == 5


def test_refused_characters_in_arguments_and_states(engine: Installation) -> None:
    nasty = {"name": "pay", "arguments": '{"tag": "a \x00 \ud800", "seconds": 0}'}
    engine.double.says(script("pay-nasty", {"calls": [nasty], "text": "\x00 \ud800"}))
    run = engine.launch([agent("payer", tools=["pay"])], "pay-nasty")
    run = engine.wait(run, "awaiting_approval", "failed")
    assert run.status == "awaiting_approval", run.error
    assert len(engine.asked(run)) == 1


def test_refused_characters_in_a_call_that_must_not_be_repeated(engine: Installation) -> None:
    nasty = {"name": "charge", "arguments": '{"tag": "a \x00 \ud800", "seconds": 0}'}
    engine.double.says(script("nasty-charge", {"calls": [nasty]}, {"text": "{outputs}"}))
    run = engine.launch([agent("charger", tools=["charge"])], "nasty-charge")
    run = engine.wait(run, "succeeded", "failed")
    assert run.status == "succeeded", run.error


def test_refused_characters_in_an_error(engine: Installation) -> None:
    fault = {"status": 400, "message": "nul \x00 and half a pair \ud800"}
    engine.double.says(script("nasty-error", {"text": "no", "faults": [fault]}))
    run = engine.wait(engine.launch([agent("talker")], "nasty-error"), "failed")
    assert run.error is not None
    assert "nul" in run.error["message"]


def test_five_megabytes_of_output(engine: Installation) -> None:
    size = 5_000_000
    many: Json = call("say_much", size=size)
    engine.double.says(script("huge", {"calls": [many]}, {"text": "seen"}))
    run = engine.launch([agent("caller", tools=["say_much"])], "huge", session_id="huge-session")
    run = engine.wait(run, "succeeded", "failed", within=60)
    finished = engine.events(run, "tool.finished")[0]
    last = engine.double.requests("huge", bodies=True)[-1]["body"]["input"][-1]
    assert run.final_output == "seen"
    assert len(last["output"]) == size
    assert len(finished.payload["output"]) == 100_000

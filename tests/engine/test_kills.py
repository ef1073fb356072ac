"""One death of a worker, with many runs in flight: what each of them comes to afterwards."""

from __future__ import annotations

import signal

import pytest

from approvals.services.decisions import decide, resolve_unknown
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent
from tests.campaign.tools import expected
from timestep.models import Run, Worker
from timestep.services.cancel import cancel
from timestep.services.retry import retry

Runs = dict[str, Run]
OUTPUTS: Json = {"text": "{outputs}"}


def calls(*some: Json) -> Json:
    """A turn that makes these calls."""
    return {"calls": list(some)}


def launch_all(engine: Installation) -> Runs:
    """Runs of every kind, each brought to where the worker's death will find it."""
    inner = calls(call("pay", tag="i", seconds=0), call("fetch", tag="i", seconds=0))
    sibling = call("fetch", tag="s", seconds=0)
    stream: Json = {"tokens": 30, "faults": [{"break": "hang", "after": 3}]}
    engine.double.says(
        script("kill-plain", calls(sibling, call("linger", tag="a")), OUTPUTS),
        script("kill-charge", calls(sibling, call("linger_charging", tag="a")), OUTPUTS),
        script("kill-approve", calls(call("pay", tag="a", seconds=0)), OUTPUTS),
        script("kill-stream", calls(sibling), stream),
        script("kill-cancel", {"tokens": 900, "token_delay": 0.1}),
        script("kill-nested-pay", calls(call("ask_inner", input="kill-inner-pay")), OUTPUTS),
        script("kill-inner-pay", inner, {"text": "inner: {outputs}"}),
        script("kill-nested-fetch", calls(call("ask_inner", input="kill-inner-fetch")), OUTPUTS),
        script("kill-inner-fetch", calls(call("linger", tag="n")), OUTPUTS),
    )
    inner_agent = agent("inner", tools=["pay", "fetch", "linger"])
    tools = ["fetch", "linger", "linger_charging", "pay"]
    outer = agent("outer", tools=tools, agent_tools=["inner"])
    charges = [f"kill-charge-{word}" for word in ("happened", "run_again", "fail")]
    plain = ["kill-plain", "kill-approve", "kill-stream", "kill-cancel"]
    texts = [*plain, *charges, "kill-nested-pay", "kill-nested-fetch"]
    return {text.removeprefix("kill-"): engine.launch([outer, inner_agent], text) for text in texts}


def wait_for_places(engine: Installation, runs: Runs) -> None:
    """Wait until each run is where the worker's death shall find it."""
    for name in ("approve", "nested-pay"):
        engine.wait(runs[name], "awaiting_approval")
    for name in ("stream", "cancel"):
        engine.event(runs[name], "model.delta")
    for name in ("plain", "charge-happened", "charge-run_again", "charge-fail"):
        engine.event(runs[name], "tool.started", count=2)
        engine.event(runs[name], "tool.finished")
    engine.event(runs["nested-fetch"], "tool.started", count=2)


@pytest.fixture(scope="module")
def runs(_looked_at: Installation) -> Runs:
    """Runs that a worker was killed over; what people did meanwhile; and the next worker."""
    engine = _looked_at
    engine.ready()
    made = launch_all(engine)
    wait_for_places(engine, made)
    engine.kill()
    for name in ("approve", "nested-pay"):
        [asked] = engine.asked(made[name])
        decide(asked.approval_id, approve=True, by=engine.person())
    cancel(made["cancel"].run_id, by="test")
    engine.ready()
    return made


def call_id(engine: Installation, run: Run, number: int) -> str:
    """The id of a call of the run's first turn."""
    [first] = engine.events(run, "model.finished")[:1]
    found: str = first.payload["tool_calls"][number]["call_id"]
    return found


def turns(engine: Installation, text: str) -> list[int]:
    """Which turns of a conversation the double was asked for."""
    return [request["turn"] for request in engine.double.requests(text)]


def test_an_idempotent_call_in_flight_is_made_again(engine: Installation, runs: Runs) -> None:
    run = engine.wait(runs["plain"], "succeeded", "failed", "awaiting_approval")
    first, second = call_id(engine, run, 0), call_id(engine, run, 1)
    assert (
        run.final_output == f"{expected('fetch', 's', first)} | {expected('linger', 'a', second)}"
    )
    assert len(engine.calls("fetch", "start", first)) == 1
    assert len(engine.calls("linger", "start", second)) == 2
    assert turns(engine, "kill-plain") == [0, 1]
    [lost] = engine.events(run, "worker.lost")
    assert lost.payload["resumed_on"] != lost.payload["worker"]
    assert run.takeovers == 1


@pytest.mark.parametrize("outcome", ["happened", "run_again", "fail"])
def test_a_call_that_must_not_be_repeated_is_asked_about(
    engine: Installation, runs: Runs, outcome: str
) -> None:
    run = engine.wait(runs[f"charge-{outcome}"], "succeeded", "failed", "awaiting_approval")
    charged = call_id(engine, run, 1)
    [asked] = engine.asked(run, "outcome_unknown")
    assert (asked.call_id, asked.tool) == (charged, "linger_charging")
    assert len(engine.calls("linger_charging", "start", charged)) == 1
    result = "what a person saw" if outcome == "happened" else ""
    resolve_unknown(asked.approval_id, outcome=outcome, by=engine.person(), result=result)
    run = engine.wait(run, "failed" if outcome == "fail" else "succeeded")
    starts = engine.calls("linger_charging", "start", charged)
    assert len(starts) == (2 if outcome == "run_again" else 1)
    said = {
        "happened": result,
        "run_again": expected("linger_charging", "a", charged),
        "fail": "None",
    }
    assert str(run.final_output).endswith(said[outcome])
    assert len(engine.calls("fetch", "start", call_id(engine, run, 0))) == 1


def test_a_failed_unknown_outcome_is_asked_about_again(engine: Installation, runs: Runs) -> None:
    run = engine.wait(runs["charge-fail"], "failed")
    retry(run.run_id, by="test")
    run = engine.wait(run, "awaiting_approval", "succeeded")
    [asked] = engine.asked(run, "outcome_unknown")
    resolve_unknown(asked.approval_id, outcome="run_again", by=engine.person())
    run = engine.wait(run, "succeeded")
    assert len(engine.calls("linger_charging", "start", asked.call_id)) == 2


def test_approved_while_no_worker_lived(engine: Installation, runs: Runs) -> None:
    run = engine.wait(runs["approve"], "succeeded", "failed")
    paid = call_id(engine, run, 0)
    assert run.final_output == expected("pay", "a", paid)
    assert len(engine.calls("pay", "start", paid)) == 1
    assert run.segments.count() == 2


def test_cancelled_while_no_worker_lived(engine: Installation, runs: Runs) -> None:
    engine.wait(runs["cancel"], "cancelled")
    assert turns(engine, "kill-cancel") == [0]


def test_a_stream_in_flight_is_asked_for_again(engine: Installation, runs: Runs) -> None:
    run = engine.wait(runs["stream"], "succeeded", "failed")
    assert turns(engine, "kill-stream") == [0, 1, 1]
    assert str(run.final_output).split() == [f"tok{i}" for i in range(30)]
    started = [event.attempt for event in engine.events(run, "model.started")]
    finished = [event.attempt for event in engine.events(run, "model.finished")]
    assert started[:2] == [1, 1]
    assert finished == [1, started[2]]
    assert started[2] > 100
    assert run.requests == 2


def test_approved_inside_a_nested_agent(engine: Installation, runs: Runs) -> None:
    run = engine.wait(runs["nested-pay"], "succeeded", "failed", "awaiting_approval")
    [waited] = [e.payload["call_id"] for e in engine.events(run, "approval.requested")]
    fetched = waited[:-1] + "1"
    said = f"inner: {expected('fetch', 'i', fetched)} | {expected('pay', 'i', waited)}"
    assert run.final_output == said, engine.described(run)
    assert turns(engine, "kill-inner-pay") == turns(engine, "kill-nested-pay") == [0, 1]
    assert len(engine.calls("fetch", "start", fetched)) == 1


def test_a_nested_agents_call_in_flight(engine: Installation, runs: Runs) -> None:
    run = engine.wait(runs["nested-fetch"], "succeeded", "failed")
    told = [event.payload for event in engine.events(run, "tool.started")]
    started = [payload["call_id"] for payload in told if payload["tool"] == "linger"]
    assert [payload["tool"] for payload in told].count("ask_inner") == 1
    assert run.final_output == expected("linger", "n", started[0])
    assert started == [started[0]] * 2
    assert turns(engine, "kill-inner-fetch") == turns(engine, "kill-nested-fetch") == [0, 1]


@pytest.mark.sqlite_only
def test_a_second_worker_on_sqlite_refuses(engine: Installation) -> None:
    refused = engine.stack.manage("worker", check=False)
    assert refused.returncode == 1
    assert "another worker executes on this SQLite file" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.sqlite_only
def test_a_stopping_worker_lets_its_runs_end(engine: Installation) -> None:
    charge = calls(call("charge", tag="a", seconds=1.5))
    engine.double.says(script("stop-short", charge, OUTPUTS))
    run = engine.launch([agent("stopping", tools=["charge"])], "stop-short")
    engine.event(run, "tool.started")
    assert engine.stack.kill("worker", signal.SIGTERM) == 0
    charged = call_id(engine, run, 0)
    run = engine.run(run.run_id)
    assert (run.status, run.final_output) == ("succeeded", expected("charge", "a", charged))
    assert Worker.objects.filter(stopped_at__isnull=False).exists()
    engine.start_worker()  # For the modules that follow; not waited for.

"""Decisions, with a real worker: at once, by many at a time, and refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from approvals.errors import AlreadyDecided
from approvals.models import ApprovalRequest
from approvals.services.decisions import decide
from tests.campaign.double import Json, call, script
from tests.campaign.installation import Installation, agent, until
from tests.campaign.tools import expected
from timestep.models import Run

PEOPLE = 6


def waiting(engine: Installation, text: str, *more: Json) -> tuple[Run, ApprovalRequest]:
    """A run that asks about one call, and its request, as soon as anybody can see it."""
    calls = [call("pay", tag="a", seconds=0), *more]
    engine.double.says(script(text, {"calls": calls}, {"text": "{outputs}"}))
    run = engine.launch([agent("payer", tools=["pay", "fetch"])], text)
    asked = until(lambda: engine.asked(run), 20, f"{text} asks", pause=0.002)
    return run, asked[0]


def test_a_decision_at_once_is_not_lost(engine: Installation) -> None:
    """The race between the end of the segment that asks and the start of the next."""
    person = engine.person()
    for number in range(6):
        run, asked = waiting(engine, f"decided-at-once {number}")
        decide(asked.approval_id, approve=True, by=person)
        run = engine.wait(run, "succeeded", "failed")
        assert run.final_output == expected("pay", "a", asked.call_id)
        assert run.segments.count() == 2


def test_many_people_at_once_decide_once(engine: Installation) -> None:
    run, asked = waiting(engine, "decided-by-many")
    person = engine.person()

    def click(_: int) -> bool:
        try:
            decide(asked.approval_id, approve=True, by=person)
        except AlreadyDecided:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(PEOPLE) as people:
        clicks = list(people.map(click, range(PEOPLE)))
    run = engine.wait(run, "succeeded", "failed")
    assert clicks.count(True) == 1
    assert len(engine.calls("pay", "start", asked.call_id)) == 1
    assert run.segments.count() == 2


def test_a_rejection_is_told_to_the_model(engine: Installation) -> None:
    run, asked = waiting(engine, "decided-against")
    decide(asked.approval_id, approve=False, by=engine.person(), reason="too much")
    run = engine.wait(run, "succeeded", "failed")
    assert "a person rejected it. Their reason: too much" in str(run.final_output)
    assert engine.calls("pay", "start", asked.call_id) == []


def test_two_calls_wait_for_two_decisions(engine: Installation) -> None:
    run, _ = waiting(engine, "decided-twice", call("pay", tag="b", seconds=0))
    run = engine.wait(run, "awaiting_approval")
    first, second = sorted(engine.asked(run), key=lambda asked: asked.call_id)
    decide(first.approval_id, approve=True, by=engine.person())
    assert engine.run(run.run_id).status == "awaiting_approval"
    decide(second.approval_id, approve=False, by=engine.person(), reason="once is enough")
    run = engine.wait(run, "succeeded", "failed")
    assert expected("pay", "a", first.call_id) in str(run.final_output)
    assert "once is enough" in str(run.final_output)
    assert engine.calls("pay", "start", second.call_id) == []


def test_siblings_that_need_no_word_have_run_once(engine: Installation) -> None:
    run, asked = waiting(engine, "decided-beside", call("fetch", tag="s", seconds=0))
    sibling = asked.call_id[:-1] + "1"
    decide(asked.approval_id, approve=True, by=engine.person())
    run = engine.wait(run, "succeeded", "failed")
    results = [expected("pay", "a", asked.call_id), expected("fetch", "s", sibling)]
    assert sorted(str(run.final_output).split(" | ")) == sorted(results)
    assert len(engine.calls("fetch", "start", sibling)) == 1

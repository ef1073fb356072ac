"""Policies about people and time, with a real worker: votes, denials and deadlines."""

from __future__ import annotations

import secrets
from typing import Any

from approvals.models import Policy
from approvals.services.decisions import decide
from tests.campaign.double import call, script
from tests.campaign.installation import Installation, agent, until
from tests.policies.rows import member, policy
from timestep.models import Run


def _about(tag: str, **fields: Any) -> Policy:
    """A policy on one call of a tool that does not ask by itself."""
    only = [{"field": "tag", "op": "equals", "value": tag}]
    return policy(f"about {tag}", tool="fetch", conditions=only, **fields)


def _fetching(engine: Installation, text: str, *tags: str) -> Run:
    calls = [call("fetch", tag=tag, seconds=0) for tag in tags]
    engine.double.says(script(text, {"calls": calls}, {"text": "{outputs}"}))
    return engine.launch([agent("fetcher", tools=["fetch"])], text)


def test_a_worker_denies_one_call_and_rejects_another_in_time(engine: Installation) -> None:
    mark = secrets.token_hex(4)
    late, never, free = (f"{word}-{mark}" for word in ("late", "never", "free"))
    _about(late, deadline_seconds=2)
    _about(never, effect="deny")
    run = _fetching(engine, f"policies {mark}", late, never, free)
    run = engine.wait(run, "awaiting_approval")
    [asked] = engine.asked(run)
    assert asked.policy_name == f"about {late}"
    run = engine.wait(run, "succeeded", "failed")
    told = str(run.final_output)
    assert "Nobody approved it in time" in told
    assert "reject" not in told
    assert "denied by a policy" in told
    assert f"fetch:{free}" in told
    assert f"fetch:{late}" not in told
    assert f"fetch:{never}" not in told


def test_two_people_let_a_call_go_ahead(engine: Installation) -> None:
    mark = secrets.token_hex(4)
    people = [member(f"{name}-{mark}", f"Finance {mark}") for name in ("ana", "bo")]
    _about(mark, needs={f"Finance {mark}": 2})
    run = _fetching(engine, f"two people {mark}", mark)
    [asked] = until(lambda: engine.asked(run), 20, "it asks")
    for person in people:
        assert engine.calls("fetch", "start", asked.call_id) == []
        decide(asked.approval_id, approve=True, by=person)
    run = engine.wait(run, "succeeded", "failed")
    assert f"fetch:{mark}" in str(run.final_output)
    assert len(engine.calls("fetch", "start", asked.call_id)) == 1

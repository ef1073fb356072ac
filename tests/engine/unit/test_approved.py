"""Calls bound to what people approved: their arguments, and what the model is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from agents.tool_context import ToolContext

from timestep.arguments import arguments_digest
from timestep.engine.approved import Made, NotAsApproved, approved_calls, as_approved
from timestep.engine.states import StateMismatch, refuse_unplaced

PROPOSED = '{"amount": 250.0}'
EDITED = '{"amount": 25.0}'


def _context(arguments: str = PROPOSED) -> ToolContext[Any]:
    return ToolContext(None, tool_name="pay", tool_call_id="c1", tool_arguments=arguments)


def _decision(**fields: Any) -> dict[str, Any]:
    asked = {"call_id": "c1", "approve": True, "reason": ""}
    return asked | {"digest": arguments_digest(PROPOSED)} | fields


def _edit(**fields: Any) -> dict[str, Any]:
    digests = {"digest": arguments_digest(EDITED), "proposed": arguments_digest(PROPOSED)}
    return _decision(arguments=EDITED, **digests) | fields


def test_a_call_is_made_as_it_was_approved() -> None:
    assert as_approved(approved_calls([_decision()]), _context(), PROPOSED) == Made(PROPOSED)


def test_the_order_of_keys_is_no_difference() -> None:
    shown = _decision(digest=arguments_digest('{"b": 1, "a": 2}'))
    made = as_approved(approved_calls([shown]), _context(), '{"a": 2, "b": 1}')
    assert made.arguments == '{"a": 2, "b": 1}'


@pytest.mark.parametrize("decision", [_decision(), _edit()])
@pytest.mark.parametrize("arguments", ['{"amount": 250}', '{"amount": 9999.0}', "", "no json"])
def test_a_call_that_is_another_is_not_made(decision: dict[str, Any], arguments: str) -> None:
    with pytest.raises(NotAsApproved, match="c1 of pay has other arguments"):
        as_approved(approved_calls([decision]), _context(), arguments)


def test_an_edit_that_was_tampered_with_is_not_made() -> None:
    tampered = _edit(arguments='{"amount": 9999.0}')
    with pytest.raises(NotAsApproved):
        as_approved(approved_calls([tampered]), _context(), PROPOSED)


def test_edited_arguments_replace_the_models_everywhere() -> None:
    context = _context()
    made = as_approved(approved_calls([_edit(reason="a typo")]), context, PROPOSED)
    assert made == Made(EDITED, PROPOSED, "a typo")
    assert context.tool_arguments == EDITED


def test_calls_that_nobody_was_asked_about_are_made_as_they_are() -> None:
    decisions = [_decision(approve=False), {"call_id": "c1", "approve": True, "by_program": True}]
    assert as_approved(approved_calls(decisions), _context(), EDITED) == Made(EDITED)


def test_the_model_is_told_what_was_executed_and_why() -> None:
    told = Made(EDITED, PROPOSED, "a typo").told({"paid": 25})
    assert "A person changed the arguments" in told
    assert "their reason: a typo" in told
    assert EDITED in told
    assert told.endswith("\n{'paid': 25}")


def test_pictures_stay_pictures() -> None:
    picture = {"type": "image", "image_url": "https://example.com/a.png"}
    note, same = Made(EDITED, PROPOSED).told(picture)
    assert (note["type"], same) == ("text", picture)


@pytest.mark.parametrize("output", ["text", None, json.loads(PROPOSED)])
def test_nothing_is_said_of_a_call_that_nobody_changed(output: Any) -> None:
    assert Made(PROPOSED).told(output) == output


def test_each_guardrail_of_a_call_sees_the_edit() -> None:
    context, approved = _context(), approved_calls([_edit()])
    for _ in range(2):
        as_approved(approved, context, context.tool_arguments)
        assert context.tool_arguments == EDITED
    assert as_approved(approved, context, PROPOSED).was_edited


def test_an_edit_of_a_call_that_is_not_in_the_state_is_refused() -> None:
    refuse_unplaced(approved_calls([_decision()]))
    with pytest.raises(StateMismatch, match="call c1 was edited"):
        refuse_unplaced(approved_calls([_edit()]))

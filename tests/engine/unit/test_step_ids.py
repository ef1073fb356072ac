"""Step ids: whose they are, that none is given twice, and where they end."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from dbos import DBOS
from dbos._context import DBOSContext, _clear_local_dbos_context, _set_local_dbos_context

from tests.services.rows import launched
from timestep.engine.execution import Execution, Scope
from timestep.engine.states import reserve_for_resume
from timestep.engine.step_ids import (
    BLOCK_STEPS,
    BLOCKS,
    OWN_STEPS,
    RESUMED_BLOCKS,
    NestedStepsExhausted,
    StepIds,
    nested_steps,
    resumed_blocks,
    take_blocks,
)


@pytest.fixture
def workflow() -> Iterator[DBOSContext]:
    """The context of a workflow that runs here."""
    context = DBOSContext()
    context.workflow_id, context.function_id = "r:0", 0
    _set_local_dbos_context(context)
    yield context
    _clear_local_dbos_context()


@pytest.mark.usefixtures("workflow")
def test_nested_agents_count_for_themselves_whoever_comes_first() -> None:
    own, first, second = StepIds(), nested_steps(0), nested_steps(1)
    taken = [ids.take().step_id for ids in (own, second, first, own, second, first)]
    block = OWN_STEPS + BLOCK_STEPS
    assert taken == [1, block, OWN_STEPS, 2, block + 1, OWN_STEPS + 1]


@pytest.mark.usefixtures("workflow")
def test_a_nested_agent_costs_the_run_no_ids() -> None:
    nested_steps(5).sub(3)
    assert DBOS.reserve_step().step_id == 1


@pytest.mark.usefixtures("workflow")
def test_a_nested_agent_has_thousands_of_steps_and_then_fails_with_a_sentence() -> None:
    block = nested_steps(0)
    taken = [block.take().step_id for _ in range(BLOCK_STEPS)]
    assert taken[-1] == OWN_STEPS + BLOCK_STEPS - 1
    with pytest.raises(NestedStepsExhausted, match="split its work"):
        block.take()


@pytest.mark.usefixtures("workflow")
def test_the_last_block_ends_where_the_databases_numbers_end() -> None:
    assert nested_steps(BLOCKS - 1).take().step_id + BLOCK_STEPS == 2**31
    with pytest.raises(NestedStepsExhausted, match="as tools"):
        nested_steps(BLOCKS)


def test_a_run_of_its_own_ends_before_the_blocks(workflow: DBOSContext) -> None:
    workflow.function_id = OWN_STEPS - 2
    assert StepIds().take().step_id == OWN_STEPS - 1
    with pytest.raises(NestedStepsExhausted, match="the run needed more"):
        StepIds().take()


@pytest.mark.django_db
def test_no_block_is_taken_twice() -> None:
    launched("r")
    counts = (2, 1, 5, 1)
    taken = [take_blocks("r:0", count) for count in counts]
    assert taken[0] == RESUMED_BLOCKS
    assert [after - before for before, after in pairwise(taken)] == list(counts[:-1])


def _waiting(call_id: str, inner: dict[str, Any] | None = None) -> dict[str, Any]:
    """A saved state that waits in a call of an agent, perhaps in one of that agent's own."""
    call = {"type": "function_call", "call_id": call_id, "name": "ask"}
    origin = {"raw_item": call, "tool_origin": {"type": "agent_as_tool"}}
    function = {"tool_call": call, "agent_run_state": inner}
    processed = {"new_items": [origin], "functions": [function]}
    return {"model_responses": [{"output": [call]}], "last_processed_response": processed}


@pytest.mark.usefixtures("workflow")
def test_a_resume_gives_what_waits_the_blocks_that_are_kept_for_it() -> None:
    execution: Any = object.__new__(Execution)
    scope = Scope(execution, StepIds())
    reserve_for_resume(scope, _waiting("outer", _waiting("inner")))
    outer = scope.nested["outer"]
    taken = [one.ids.take().step_id for one in (outer, outer.nested["inner"])]
    assert taken == [OWN_STEPS, OWN_STEPS + BLOCK_STEPS]


def test_a_resume_that_goes_on_with_too_many_says_so() -> None:
    blocks = resumed_blocks()
    assert [next(blocks) for _ in range(RESUMED_BLOCKS)][-1] == RESUMED_BLOCKS - 1
    with pytest.raises(NestedStepsExhausted, match="wait at once"):
        next(blocks)

"""Where step ids come from: the workflow's own counter, or a block for one nested agent.

Ids must not depend on timing: the checkpoint of a step is found by its id alone. The run's own
loop takes the next id of the workflow's counter. A nested agent counts within a block of its own.
Which block that is, is written into the checkpoint of the response that calls it: the number comes
from a counter of the segment (`take_blocks`), so agents that call others at the same time may get
theirs in any order, a replay reads what was written, and no number is ever given twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dbos import DBOS, StepReservation
from dbos._context import assert_current_dbos_context
from django.db import transaction
from django.db.models import F

from timestep.errors import TimestepError
from timestep.models import Segment

# DBOS keeps ids in 31 bits. The first million is for the run's own loop, the rest is blocks.
OWN_STEPS = 2**20
BLOCK_STEPS = 2**13
BLOCKS = (2**31 - OWN_STEPS) // BLOCK_STEPS
# The first blocks are for calls that a resume goes on with: their order is that of the saved
# state, which is the same in every execution.
RESUMED_BLOCKS = 2**12


class NestedStepsExhausted(TimestepError):
    """A run made more calls than there are step ids for it, or for one of its nested agents."""


class StepIds:
    """The step ids of one loop of the SDK, or of what stands around one call.

    Args:
        block: The ids, where they are not the next ones of the workflow's own counter.
    """

    def __init__(self, block: Iterable[StepReservation] | None = None) -> None:
        self._block = None if block is None else iter(block)
        # The last id that was taken.
        self.last = 0

    def take(self) -> StepReservation:
        """The next id. Must be called in an order that a replay repeats.

        Raises:
            NestedStepsExhausted: There are no more.
        """
        reservation = _own_step() if self._block is None else next(self._block, None)
        if reservation is None:
            raise NestedStepsExhausted(
                f"an agent used as a tool needed more than {BLOCK_STEPS} steps in one call; "
                "split its work, or make it a handoff"
            )
        self.last = reservation.step_id
        return reservation

    def sub(self, count: int) -> StepIds:
        """The next ids, kept together for a purpose."""
        return StepIds([self.take() for _ in range(count)])


def nested_steps(number: int) -> StepIds:
    """The step ids of one nested agent; none is reserved before it is taken.

    Args:
        number: Its block, from 0 on.

    Raises:
        NestedStepsExhausted: There is no such block.
    """
    if number >= BLOCKS:
        raise NestedStepsExhausted(
            f"a run can call agents as tools {BLOCKS - RESUMED_BLOCKS} times before its end or "
            "its next approval; split its work, or make them handoffs"
        )
    first = OWN_STEPS + number * BLOCK_STEPS
    return StepIds(_step_at(step_id) for step_id in range(first, first + BLOCK_STEPS))


def resumed_blocks() -> Iterator[int]:
    """Numbers of blocks for the nested agents that a resume goes on with, in the state's order.

    Raises:
        NestedStepsExhausted: More of them wait than there are such blocks.
    """
    yield from range(RESUMED_BLOCKS)
    raise NestedStepsExhausted(f"more than {RESUMED_BLOCKS} agents used as tools wait at once")


@transaction.atomic
def take_blocks(segment: str, count: int) -> int:
    """Take blocks for the nested agents that a response calls.

    Calls database code. The blocks of a response that was not recorded are lost, which is no harm.

    Args:
        segment: Id of the segment.
        count: How many.

    Returns:
        The number of the first; the others follow it.
    """
    row = Segment.objects.filter(pk=segment)
    row.update(nested_calls=F("nested_calls") + count)  # Locks the row until the commit.
    taken = row.values_list("nested_calls", flat=True).get()
    return RESUMED_BLOCKS + taken - count


def _own_step() -> StepReservation:
    reservation = DBOS.reserve_step()
    if reservation.step_id >= OWN_STEPS:
        raise NestedStepsExhausted(f"the run needed more than {OWN_STEPS} steps; split its work")
    return reservation


def _step_at(step_id: int) -> StepReservation:
    """Reserve a step under an id of ours; the workflow's own counter stays where it is.

    DBOS has no public call for that. It asks neither that ids are contiguous nor that they are
    taken in order: a checkpoint is looked up by its id.
    """
    context = assert_current_dbos_context()
    counted = context.function_id
    context.function_id = step_id - 1
    try:
        return DBOS.reserve_step()
    finally:
        context.function_id = counted

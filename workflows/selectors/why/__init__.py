"""Why a run does not move: a list of reasons with their facts, and what mends each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from django.utils import timezone

from approvals.access import EVERYTHING, Sight
from timestep.models import Run, RunStatus
from workflows.selectors.why.case import Case, Mend, Reason
from workflows.selectors.why.others import busy
from workflows.selectors.why.people import asked
from workflows.selectors.why.places import no_place
from workflows.selectors.why.processes import lacking, lost_worker
from workflows.selectors.why.programs import unbuildable
from workflows.selectors.why.steps import model_limits, step_holds
from workflows.selectors.why.stops import delayed, held, paused

__all__ = ["Case", "Mend", "Reason", "why"]

# A run that is launched into an idle system runs before anybody could read why it does not.
_PATIENCE = timedelta(seconds=2)
# Programs leave to workers what both can take, and look once a second.
_PROGRAMS_PATIENCE = timedelta(seconds=5)

_Look = Callable[[Case], Iterator[Reason]]
_LOOKS: dict[str, tuple[_Look, ...]] = {
    RunStatus.QUEUED: (held, paused, delayed, lacking, busy, no_place),
    RunStatus.RUNNING: (step_holds, model_limits, lost_worker),
    RunStatus.AWAITING_APPROVAL: (asked, held, paused, lacking),
}


def why(run: Run, sight: Sight = EVERYTHING) -> list[Reason]:
    """Why a run does not move, what is in its way first; nothing of one that moves or has ended.

    Args:
        run: The run, with its spec.
        sight: Which other runs may be named.
    """
    case = Case(run, sight)
    found = [reason for look in _LOOKS.get(run.status, ()) for reason in look(case)]
    # Where its queue has places, those that come before it are not in its way.
    free = all(reason.what == "ahead" for reason in found)
    waited = timezone.now() - run.created_at
    if not free or run.status != RunStatus.QUEUED or waited < _PATIENCE:
        return found
    nobody = unbuildable(case) if waited > _PROGRAMS_PATIENCE else ()
    return [*nobody, *found] or [_its_turn(case)]


def _its_turn(case: Case) -> Reason:
    if case.is_given:
        given = f"It was given to {case.worker}, which begins it at this moment."
        return Reason("turn", given, since=case.given_at)
    return Reason("turn", "Nothing is in its way: a worker takes it at its next look.")

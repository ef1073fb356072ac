"""Other runs whose end a run waits for: of its session, and of its schedule."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q, QuerySet
from django.urls import reverse

from timestep.models import Run, RunStatus, SegmentKind
from timestep.services.database_clock import database_time
from timestep.services.ticks import held_by
from workflows.selectors.why.case import Case, Mend, Reason

_GOING = (RunStatus.RUNNING, RunStatus.AWAITING_APPROVAL)


def busy(case: Case) -> Iterator[Reason]:
    """The session's run, and the schedule's, that have to end first."""
    if other := _of_session(case):
        yield _waits_for(case, other, "session", f"session {case.run.session_id}")
    if case.is_start and (other := held_by(case.run)):
        yield _waits_for(case, other, "schedule", f"schedule {case.run.schedule}")


def _waits_for(case: Case, other: Run, what: str, of: str) -> Reason:
    status = other.get_status_display().lower()
    seen = case.sight.sees(other.agent)
    which = f"run {other.run_id}" if seen else "a run"
    text = f"Waits for {which} of its {of}, which is {status}, to end."
    mends = (Mend("Open that run", reverse("run", args=[other.run_id])),) if seen else ()
    return Reason(what, text, since=other.started_at, mends=mends)


def _of_session(case: Case) -> Run | None:
    """The run that keeps the session; the conditions are those of the engine's admission."""
    segment, run = case.segment, case.run
    if run.session_id is None or segment is None or case.is_given:
        return None
    if segment.kind == SegmentKind.RESUME:
        return None  # Its session was its own all the time.
    same = Run.objects.filter(session_id=run.session_id).exclude(run_id=run.run_id)
    begun = Q(status=RunStatus.QUEUED, started_at__isnull=False)
    if segment.kind == SegmentKind.CONTINUE:
        return _first(same.filter(Q(status__in=_GOING) | (begun & _earlier(run))))
    due = Q(delayed_until__isnull=True) | Q(delayed_until__lte=database_time())
    waits = Q(status=RunStatus.QUEUED) & _earlier(run) & due
    return _first(same.filter(Q(status__in=_GOING) | begun | waits))


def _earlier(run: Run) -> Q:
    return Q(created_at__lt=run.created_at) | Q(created_at=run.created_at, run_id__lt=run.run_id)


def _first(runs: QuerySet[Run]) -> Run | None:
    return runs.order_by("created_at", "run_id").first()

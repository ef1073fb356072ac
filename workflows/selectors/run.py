"""One run, as its page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.access import EVERYTHING, Sight
from approvals.models import ApprovalRequest
from approvals.selectors import for_run
from timestep.errors import RunNotFound
from timestep.ids import RUN_ID
from timestep.models import Run, RunEvent, Segment
from timestep.services.totals import show_totals_so_far
from workflows.models import AgentDefinition


@dataclass(frozen=True)
class RunPage:
    """All that a run's page shows, but for its events, which arrive live."""

    run: Run
    segments: list[Segment]
    approvals: list[ApprovalRequest]
    latest_version: int | None


def get_run(run_id: str, sight: Sight = EVERYTHING) -> Run:
    """The run with this id, with its spec, its user and its usage by now.

    Raises:
        RunNotFound: There is none, or none that is seen.
    """
    known = Run.objects.filter(sight.runs()).select_related("spec", "launched_by")
    run = known.filter(run_id=run_id).first() if RUN_ID.fullmatch(run_id) else None
    if run is None:
        raise RunNotFound(run_id)
    return show_totals_so_far(run)


def run_events(run: Run) -> list[RunEvent]:
    """All events of a run in their order, the deltas of a step that is going on included."""
    return list(RunEvent.objects.filter(run=run).order_by("seq"))


def run_page(run_id: str, sight: Sight = EVERYTHING) -> RunPage:
    """What the page of a run shows. Raises RunNotFound."""
    run = get_run(run_id, sight)
    # A script may give its agent the name of a definition: that makes it none.
    slug = run.agent if run.agent_version is not None else ""
    versions = AgentDefinition.objects.filter(slug=slug)
    return RunPage(
        run=run,
        segments=list(run.segments.order_by("n")),
        approvals=list(for_run(run_id)),
        latest_version=versions.values_list("latest_version", flat=True).first(),
    )

"""Which runs await which, as tools say that wait for runs which they began."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, Q

from timestep.models import Run, RunAwait, RunStatus
from timestep.notify import notify_dispatch

GOING = (RunStatus.QUEUED, RunStatus.RUNNING)
# Both hold while somebody is awaited: nobody has to tidy up for a process that died.
VALID = Q(by__status=RunStatus.RUNNING, by__epoch=F("epoch"), run__status__in=GOING)


@transaction.atomic
def begin(run_id: str, *, by: str, epoch: int) -> int:
    """Say that an execution waits for a run; returns what `end` wants.

    Args:
        run_id: The run that is awaited.
        by: The run whose tool waits.
        epoch: Its execution.
    """
    awaited = RunAwait.objects.create(run_id=run_id, by_id=by, epoch=epoch)
    # It may take the place of the one that waits, from now on.
    notify_dispatch()
    return awaited.pk


def end(awaited: int) -> None:
    """Say that an execution waits no more, because it has what it wanted or has given up."""
    RunAwait.objects.filter(pk=awaited).delete()


def forget() -> int:
    """Delete what was left by processes that died; returns how much."""
    return RunAwait.objects.exclude(pk__in=RunAwait.objects.filter(VALID).values("pk")).delete()[0]


class Families:
    """The runs that await others, as one look found them.

    Args:
        edges: A run that waits, and the one that it awaits, for each wait.
    """

    def __init__(self, edges: list[tuple[str, str]]) -> None:
        self.awaits: dict[str, set[str]] = {}
        self._awaited_by: dict[str, set[str]] = {}
        for waits, awaited in edges:
            self.awaits.setdefault(waits, set()).add(awaited)
            self._awaited_by.setdefault(awaited, set()).add(waits)

    @property
    def awaited(self) -> set[str]:
        """The runs that another one awaits."""
        return set(self._awaited_by)

    def below(self, run_id: str) -> set[str]:
        """What a run awaits, and what that awaits, and so on."""
        return _reached(self.awaits, run_id)

    def above(self, run_id: str) -> set[str]:
        """Who awaits a run, and who awaits those, and so on."""
        return _reached(self._awaited_by, run_id)


def families() -> Families:
    """All runs that await others now; few, since it is nested runs alone."""
    return Families(list(RunAwait.objects.filter(VALID).values_list("by_id", "run_id")))


def waiting(found: Families) -> dict[str, str]:
    """The queues of the awaited runs that do not execute, by run."""
    queued = Run.objects.filter(run_id__in=found.awaited, status=RunStatus.QUEUED)
    return dict(queued.values_list("run_id", "queue"))


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    new = graph.get(start, set())
    while new:
        found |= new
        new = {after for one in new for after in graph.get(one, ())} - found
    return found

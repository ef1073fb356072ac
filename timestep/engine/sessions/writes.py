"""Notes about changes of sessions, made before the change: see `SessionWrite`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from timestep.engine.tool_starts import RunLost
from timestep.models import Run, RunStatus, SessionWrite
from timestep.storable import storable

# Failed and timed out runs keep theirs: a retry may execute the step again.
_OVER = (RunStatus.SUCCEEDED, RunStatus.CANCELLED)
# An execution that stood still may wake up after another one has ended its run.
_KEPT_AFTER_THE_END = timedelta(hours=1)
_MOST_AT_ONCE = 5000


@dataclass(frozen=True)
class Note:
    """Where the session ended before the change, and what a pop takes away."""

    mark: Any
    taken: Any = None


def find(run_id: str, step: str) -> Note | None:
    """The note of an earlier execution of this step."""
    row = SessionWrite.objects.filter(run_id=run_id, step=step).first()
    return Note(row.mark["at"], row.taken) if row else None


@transaction.atomic
def keep(run_id: str, epoch: int, step: str, note: Note) -> None:
    """Keep a note, if this epoch still has the run; noting the same again changes nothing.

    Raises:
        RunLost: It has not.
    """
    if not Run.objects.select_for_update(no_key=True).filter(run_id=run_id, epoch=epoch).exists():
        raise RunLost(f"run {run_id} is no longer executed under epoch {epoch}")
    # In an object: a bare null would be SQL's.
    noted = {"mark": {"at": note.mark}, "taken": storable(note.taken)}
    SessionWrite.objects.get_or_create(run_id=run_id, step=step, defaults=noted)


def forget_ended() -> int:
    """Delete the notes of runs that have ended for good; returns how many rows went."""
    before = timezone.now() - _KEPT_AFTER_THE_END
    ended = SessionWrite.objects.filter(run__status__in=_OVER, run__finished_at__lt=before)
    keys = list(ended.order_by("pk").values_list("pk", flat=True)[:_MOST_AT_ONCE])
    return SessionWrite.objects.filter(pk__in=keys).delete()[0] if keys else 0

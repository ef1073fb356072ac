"""Notes about changes of sessions, made before the change: see `SessionWrite`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from timestep.engine.tool_starts import RunLost
from timestep.models import Run, SessionWrite
from timestep.storable import storable


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

"""Items of our own sessions, in the database of the runs."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from timestep.models import SessionItem, SessionWrite


def read(session_id: str, limit: int | None) -> list[Any]:
    """The latest items of a session, oldest first."""
    newest_first = SessionItem.objects.filter(session_id=session_id).order_by("-id")
    return [row.item for row in reversed(newest_first[:limit])]


def append(session_id: str, items: list[Any], writer: str) -> None:
    """Append items; a writer that appended before adds nothing.

    Args:
        session_id: The session.
        items: What to append.
        writer: `<run id>/<step>`, or empty for a writer that never repeats itself.
    """
    SessionItem.objects.bulk_create(
        [
            SessionItem(session_id=session_id, item=item, written_by=writer and f"{writer}/{i}")
            for i, item in enumerate(items)
        ],
        ignore_conflicts=True,
    )


@transaction.atomic
def pop(session_id: str) -> Any:
    """Take the latest item away; None where there is none."""
    last = SessionItem.objects.filter(session_id=session_id).order_by("-id").first()
    if last is None:
        return None
    last.delete()
    return last.item


@transaction.atomic
def pop_once(session_id: str, run_id: str, step: str) -> Any:
    """Take the latest item away as a step of a run; the same step again gives the same item."""
    done = SessionWrite.objects.filter(run_id=run_id, step=step).first()
    if done is not None:
        return done.taken
    item = pop(session_id)
    SessionWrite.objects.create(run_id=run_id, step=step, mark={}, taken=item)
    return item


def clear(session_id: str) -> None:
    """Delete all items of a session."""
    SessionItem.objects.filter(session_id=session_id).delete()

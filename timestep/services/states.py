"""Saved run states as rows: writing, finding and forgetting them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from timestep.errors import TimestepError
from timestep.models import Run, RunResult, RunStatus, SavedState, Segment, StateKind
from timestep.models.states import packed, unpacked

# Failed and timed out runs keep theirs: a retry reads them again.
_OVER = (RunStatus.SUCCEEDED, RunStatus.CANCELLED)


class StateUnreadable(TimestepError):
    """A saved state is missing or damaged; its row stays as it is."""


class NothingSaved(TimestepError, FileNotFoundError):
    """There is no saved state to load."""


class SeveralInterrupted(TimestepError):
    """More than one saved state could be meant; `run_ids` names the runs."""

    def __init__(self, where: str, run_ids: list[str], plain: int) -> None:
        named = ", ".join(run_ids)
        also = " (and a state was saved there that belongs to no durable run)" if plain else ""
        super().__init__(
            f"{where} has several saved states: runs {named}{also}; "
            "say which one is meant: load(run_id=…)"
        )
        self.run_ids = run_ids


@dataclass(frozen=True)
class SegmentStart:
    """What a segment starts from; where a program resumed, its decisions are in the state.

    `edits`: the decisions of earlier segments that changed arguments, where calls of agents that
    are tools may still be going on with them.
    """

    state: dict[str, Any]
    by_program: bool
    edits: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class SavedRevision:
    """One saved state, without its body.

    `run_id` is None for a state of a run that was not durable. `waiting` says whether the run
    still waits for decisions on this revision; of those without a run the last one does, since
    nobody else knows what becomes of it.
    """

    run_id: str | None
    revision: int
    session_id: str | None
    agent: str
    schema_version: str
    saved_at: datetime
    waiting: bool


def save_interrupted(run: Run, state: dict[str, Any]) -> SavedState:
    """Save the state of an interrupted run, in the transaction that marks it.

    Args:
        run: The run, with the revision that the state gets.
        state: What `RunState.to_json()` gave; its schema version is kept in a column.
    """
    return _save(run, run.revision, StateKind.INTERRUPTED, state)


def save_resumed(run: Run, revision: int, state: dict[str, Any]) -> SavedState:
    """Save what a segment starts from because a program says so: its decisions are inside.

    Args:
        run: The run.
        revision: The interrupted revision; 0 for a run that begins with a saved state.
        state: What `RunState.to_json()` gave.
    """
    return _save(run, revision, StateKind.RESUMED, state)


@transaction.atomic
def save_by_program(run_id: str, revision: int, state: dict[str, Any]) -> SavedState:
    """Keep a program's copy of a revision, with what it has decided so far, beside the engine's.

    Raises:
        NothingSaved: The run never was interrupted at this revision.
    """
    kept = SavedState.objects.filter(run_id=run_id, revision=revision).select_related("run")
    row = kept.first()
    if row is None or row.run is None:
        raise NothingSaved(f"run {run_id} has no saved state of revision {revision}")
    kept.filter(kind=StateKind.SAVED).delete()
    return _save(row.run, revision, StateKind.SAVED, state)


def save_plain(session_id: str, agent: str, spec_digest: str, state: dict[str, Any]) -> SavedState:
    """Save the state of a run that was not durable, as the next revision of its session.

    Args:
        session_id: The session as its program knows it; empty for none.
        agent: Name of the agent.
        spec_digest: What the agent is described by; empty if it cannot be described.
        state: What `RunState.to_json()` gave.
    """
    rows = SavedState.objects.filter(run__isnull=True, session_id=session_id, agent=agent)
    while True:
        last = rows.aggregate(last=Max("revision"))["last"] or 0
        row = SavedState(
            session_id=session_id,
            agent=agent,
            revision=last + 1,
            kind=StateKind.SAVED,
            spec_digest=spec_digest,
            schema_version=_schema(state),
            body=packed(state),
        )
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            continue  # Somebody else saved at this moment; theirs comes first.
        return row


def _save(run: Run, revision: int, kind: StateKind, state: dict[str, Any]) -> SavedState:
    return SavedState.objects.create(
        run=run,
        revision=revision,
        kind=kind,
        session_id=session_name(run),
        agent=run.agent,
        spec_digest=run.spec_id,
        schema_version=_schema(state),
        body=packed(state),
    )


def session_name(run: Run) -> str:
    """The id of the run's session as its program knows it; empty for a run without one."""
    described = run.session_spec or {}
    return str(described.get("id") or run.session_id or "")


def keep_result(run_id: str, state: dict[str, Any]) -> None:
    """Keep the state at a run's end, in the transaction that ends it."""
    kept = RunResult(run_id=run_id, schema_version=_schema(state), body=packed(state))
    columns = ["schema_version", "body"]
    RunResult.objects.bulk_create(
        [kept], update_conflicts=True, unique_fields=["run"], update_fields=columns
    )


def _schema(state: dict[str, Any]) -> str:
    return str(state.get("$schemaVersion", ""))[:20]


def segment_start(run_id: str, revision: int) -> SegmentStart:
    """The state that the segment of this revision starts from.

    Raises:
        StateUnreadable: There is none, or it cannot be read.
    """
    rows = SavedState.objects.filter(run_id=run_id, revision=revision)
    by_kind = {row.kind: row for row in rows.exclude(kind=StateKind.SAVED)}
    row = by_kind.get(StateKind.RESUMED) or by_kind.get(StateKind.INTERRUPTED)
    if row is None:
        raise StateUnreadable(f"run {run_id} has no saved state of revision {revision}")
    state = read(row)
    edits = _edits_before(run_id, revision) if _goes_on_inside(state) else []
    return SegmentStart(state, row.kind == StateKind.RESUMED, edits)


def _goes_on_inside(state: dict[str, Any]) -> bool:
    """Whether a call that runs an agent waits for a call of that agent."""
    processed = state.get("last_processed_response") or {}
    return any(function.get("agent_run_state") for function in processed.get("functions", []))


def _edits_before(run_id: str, revision: int) -> list[dict[str, Any]]:
    earlier = Segment.objects.filter(run_id=run_id, revision__lt=revision).order_by("n")
    decisions = earlier.values_list("decisions", flat=True)
    return [one for given in decisions for one in given if "arguments" in one]


def read(row: SavedState) -> dict[str, Any]:
    """The state of a row. Raises StateUnreadable, and leaves the row as it is."""
    try:
        return unpacked(row.body)
    except ValueError as error:
        raise StateUnreadable(f"{described(row)} is damaged: {error}") from error


def described(row: SavedState) -> str:
    """What an error calls a row."""
    of = f"run {row.run_id}" if row.run_id else f"session {row.session_id!r}"
    return f"the saved state of {of}, revision {row.revision},"


def find(session_id: str, agent: str, run_id: str | None) -> SavedState:
    """The state that a program means.

    Args:
        session_id: The session as its program knows it; empty for what has none.
        agent: Name of the agent; decides only where there is no session.
        run_id: The run; by default the only one of the session that waits.

    Raises:
        NothingSaved: There is none.
        SeveralInterrupted: There is more than one.
    """
    if run_id is not None:
        # A program's own copy (`saved`) before the engine's (`interrupted`).
        row = _of_runs().filter(run_id=run_id).order_by("-revision", "-kind").first()
        if row is None:
            raise NothingSaved(f"run {run_id!r} has no saved state; it was never interrupted")
        return row
    where = f"session {session_id!r}" if session_id else f"agent {agent!r} without a session"
    waiting = list(_waiting(session_id, agent).order_by("run_id", "-kind"))
    plain = _last_plain(session_id, agent)
    run_ids = sorted({str(row.run_id) for row in waiting})
    if len(run_ids) + (plain is not None) > 1:
        raise SeveralInterrupted(where, run_ids, int(plain is not None))
    found = waiting[0] if waiting else plain
    if found is None:
        raise NothingSaved(f"{where} has no saved state: none of its runs waits for decisions")
    return found


def revisions(session_id: str, agent: str) -> list[SavedRevision]:
    """All revisions that are saved for a session, oldest first."""
    runs = _scoped(_of_runs(), session_id, agent).filter(kind=StateKind.INTERRUPTED)
    rows = [*runs, *_plain(session_id, agent)]
    waiting = _waiting(session_id, agent).values_list("run_id", "revision")
    still: set[tuple[str | None, int]] = set(waiting)
    if last := _last_plain(session_id, agent):
        still.add((None, last.revision))
    rows.sort(key=lambda row: (row.created_at, row.pk))
    return [_revision(row, (row.run_id, row.revision) in still) for row in rows]


def revision_of(row: SavedState) -> SavedRevision:
    """A row as programs see it."""
    if row.run_id is None:
        return _revision(row, row == _last_plain(row.session_id, row.agent))
    return _revision(row, _waiting(row.session_id, row.agent).filter(pk=row.pk).exists())


@transaction.atomic
def forget(session_id: str, agent: str) -> int:
    """Delete what is saved for a session and needed by no run any more; returns how many.

    What a run still needs stays: it waits, is on its way, or may be retried.
    """
    of_runs = _scoped(SavedState.objects.filter(run__isnull=False), session_id, agent)
    unneeded = Q(kind=StateKind.SAVED) | Q(run__status__in=_OVER)
    keys = set(of_runs.filter(unneeded).values_list("pk", flat=True))
    keys |= set(_plain(session_id, agent).values_list("pk", flat=True))
    SavedState.objects.filter(pk__in=keys).delete()
    return len(keys)


def _revision(row: SavedState, waiting: bool) -> SavedRevision:
    return SavedRevision(
        run_id=row.run_id,
        revision=row.revision,
        session_id=row.session_id or None,
        agent=row.agent,
        schema_version=row.schema_version,
        saved_at=row.created_at,
        waiting=waiting,
    )


def _of_runs() -> QuerySet[SavedState]:
    """What belongs to durable runs and can be loaded by programs."""
    loadable = (StateKind.INTERRUPTED, StateKind.SAVED)
    rows = SavedState.objects.filter(run__isnull=False, kind__in=loadable)
    return rows.select_related("run__spec")


def _scoped(rows: QuerySet[SavedState], session_id: str, agent: str) -> QuerySet[SavedState]:
    if session_id:
        return rows.filter(Q(session_id=session_id) | Q(run__session_id=session_id))
    return rows.filter(session_id="", agent=agent)


def _plain(session_id: str, agent: str) -> QuerySet[SavedState]:
    return SavedState.objects.filter(run__isnull=True, session_id=session_id, agent=agent)


def _last_plain(session_id: str, agent: str) -> SavedState | None:
    """What was saved last without a run: it waits until it is cleared."""
    return _plain(session_id, agent).order_by("-revision").first()


def _waiting(session_id: str, agent: str) -> QuerySet[SavedState]:
    """States of runs that wait for decisions on just these states."""
    resumed = Segment.objects.filter(run=OuterRef("run"), revision=OuterRef("revision"))
    rows = _scoped(_of_runs(), session_id, agent).filter(
        run__status=RunStatus.AWAITING_APPROVAL, revision=F("run__revision")
    )
    return rows.exclude(Exists(resumed))

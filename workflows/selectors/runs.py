"""Lists of runs: filters, keyset pages, rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, tzinfo
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils import timezone

from approvals.access import EVERYTHING, Sight
from timestep.errors import InvalidInput
from timestep.models import Run, RunStatus
from workflows.selectors.cursors import Keyset, Page, Rows
from workflows.selectors.moments import as_address, as_field, read_moment

PAGE_SIZE = 50
LARGEST_PAGE = 200
BY_CREATION = Keyset("created_at", "run_id")
BY_END = Keyset("finished_at", "run_id")

# What a row shows: never the input, the output or the context, which can be large.
ROW_FIELDS = (
    "run_id",
    "status",
    "agent",
    "agent_version",
    "queue",
    "session_id",
    "schedule",
    "launched_from",
    "created_at",
    "started_at",
    "finished_at",
    "executing_ms",
    "input_tokens",
    "output_tokens",
    "label",
    "launched_by__username",
)


@dataclass(frozen=True)
class RunRow:
    """One run in a list."""

    run_id: str
    status: str
    agent: str
    agent_version: int | None
    queue: str
    session_id: str | None
    schedule: str | None
    launched_by: str
    launched_from: str
    label: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    executing_ms: int
    input_tokens: int
    output_tokens: int

    @classmethod
    def of(cls, run: Run) -> RunRow:
        """The row of a run."""
        user = run.launched_by
        return cls(
            launched_by=user.get_username() if user else "",
            **{name: getattr(run, name) for name in _OWN_FIELDS},
        )

    @classmethod
    def of_values(cls, values: dict[str, Any]) -> RunRow:
        """The row of the columns in `ROW_FIELDS`."""
        user = values.pop("launched_by__username")
        return cls(launched_by=user or "", **values)

    @property
    def status_label(self) -> str:
        """The status in words."""
        return RunStatus(self.status).label

    @property
    def total_tokens(self) -> int:
        """Input plus output tokens."""
        return self.input_tokens + self.output_tokens

    @property
    def duration_ms(self) -> int | None:
        """From the start to the end, or until now; None before the start."""
        if self.started_at is None:
            return None
        return int(((self.finished_at or timezone.now()) - self.started_at).total_seconds() * 1000)

    @property
    def mostly_waited(self) -> bool:
        """Whether it ended, and waited so long that its duration says little of its work."""
        took = self.duration_ms if self.finished_at is not None else None
        return (
            took is not None and took - self.executing_ms >= 1000 and took > self.executing_ms * 1.1
        )


_OWN_FIELDS = tuple(one.name for one in fields(RunRow) if one.name != "launched_by")


@dataclass(frozen=True)
class RunFilters:
    """What a list of runs is narrowed to; the field names are those of the URL."""

    q: str = ""
    status: str = ""
    agent: str = ""
    queue: str = ""
    session: str = ""
    schedule: str = ""
    launched_by: str = ""
    created_from: datetime | None = None
    created_to: datetime | None = None
    finished_from: datetime | None = None
    finished_to: datetime | None = None
    # What had to be decided to read its times, and whether one of them named no offset.
    notes: tuple[str, ...] = field(default=(), compare=False)
    is_local: bool = field(default=False, compare=False)

    @classmethod
    def from_query(cls, query: Mapping[str, str], zone: tzinfo | None = None) -> RunFilters:
        """Read filters from a query string.

        Args:
            query: The parameters.
            zone: Of times without an offset; the site's if not given.

        Raises:
            InvalidInput: One is none; it names the parameter.
        """
        zone = zone or timezone.get_current_timezone()
        given = {name: query.get(name, "").strip() for name in (*_TEXT_FILTERS, *_TIME_FILTERS)}
        values: dict[str, Any] = {name: _text(name, given[name]) for name in _TEXT_FILTERS}
        times = {
            name: read_moment(name, given[name], zone) for name in _TIME_FILTERS if given[name]
        }
        values |= {name: moment.at for name, moment in times.items()}
        if values["status"] and values["status"] not in RunStatus.values:
            raise InvalidInput("status", f"must be one of {', '.join(RunStatus.values)}")
        notes = tuple(moment.note for moment in times.values() if moment.note)
        return cls(**values, notes=notes, is_local=any(one.is_local for one in times.values()))

    def as_query(self) -> dict[str, str]:
        """The filters that are set, as parameters of a URL; times the same in every zone."""
        texts = {name: getattr(self, name) for name in _TEXT_FILTERS if getattr(self, name)}
        return texts | {name: as_address(at) for name, at in self._times().items()}

    def as_fields(self, zone: tzinfo) -> dict[str, str]:
        """The times that are set, as the fields of a form say them in a zone."""
        return {name: as_field(name, at, zone) for name, at in self._times().items()}

    def _times(self) -> dict[str, datetime]:
        return {name: at for name in _TIME_FILTERS if (at := getattr(self, name)) is not None}

    @property
    def by_end(self) -> bool:
        """Whether the list is ordered by the end of its runs: when it is filtered by it."""
        return self.finished_from is not None or self.finished_to is not None

    def __bool__(self) -> bool:
        return bool(self.as_query())


_TIME_FILTERS = ("created_from", "created_to", "finished_from", "finished_to")
_TEXT_FILTERS = ("q", "status", "agent", "queue", "session", "schedule", "launched_by")
_LOOKUPS = {
    "q": "run_id",
    "status": "status",
    "agent": "agent",
    "queue": "queue",
    "session": "session_id",
    "schedule": "schedule",
    "created_from": "created_at__gte",
    "created_to": "created_at__lt",
    "finished_from": "finished_at__gte",
    "finished_to": "finished_at__lt",
}


def _text(name: str, text: str) -> str:
    if len(text) > 200 or not text.isprintable():
        raise InvalidInput(name, "has at most 200 printable characters")
    return text


def matching(filters: RunFilters, sight: Sight = EVERYTHING) -> Rows:
    """The rows of the runs that are seen and that the filters leave, without an order."""
    conditions = sight.runs()
    for name, lookup in _LOOKUPS.items():
        if value := getattr(filters, name):
            conditions &= Q(**{lookup: value})
    if filters.launched_by:
        # Looked up first, so that the index that starts with the user gives the order as well.
        named = get_user_model().objects.filter(username=filters.launched_by)
        conditions &= Q(launched_by_id__in=list(named.values_list("pk", flat=True)))
    rows: Rows = Run.objects.filter(conditions).values(*ROW_FIELDS)
    return rows


def runs_page(
    filters: RunFilters | None = None,
    *,
    after: str = "",
    before: str = "",
    limit: int = PAGE_SIZE,
    sight: Sight = EVERYTHING,
) -> Page[RunRow]:
    """One page of runs, newest first. Raises InvalidInput for a cursor that is none."""
    filters = filters or RunFilters()
    keyset = BY_END if filters.by_end else BY_CREATION
    size = max(1, min(limit, LARGEST_PAGE))
    page = keyset.page(matching(filters, sight), after=after, before=before, limit=size)
    return page.map(RunRow.of_values)


def full_runs(filters: RunFilters, limit: int) -> list[Run]:
    """The newest runs with all their fields and segments; for programs, which want the output."""
    ids: list[str] = []
    after: str | None = ""
    while after is not None and len(ids) < limit:
        page = runs_page(filters, after=after, limit=limit - len(ids))
        ids += [row.run_id for row in page.rows]
        after = page.next_cursor
    found: dict[str, Run] = {}
    for start in range(0, len(ids), LARGEST_PAGE):
        chunk = Run.objects.prefetch_related("segments")
        found |= chunk.in_bulk(ids[start : start + LARGEST_PAGE])
    return [found[run_id] for run_id in ids if run_id in found]

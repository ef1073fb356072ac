"""Keyset cursors: opaque, signed, and bound to the order that made them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

from django.core import signing
from django.db.models import Q, QuerySet

from timestep.errors import InvalidInput

SALT = "workflows.cursor"
Row = TypeVar("Row")
Other = TypeVar("Other")
Rows: TypeAlias = "QuerySet[Any, dict[str, Any]]"


@dataclass(frozen=True)
class Key:
    """A place in a list that is ordered by a time and then by an id, newest first."""

    order: str
    at: datetime
    id: str


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list, and the cursors to its neighbours (None: there is no such page)."""

    rows: list[Row]
    next_cursor: str | None = None
    prev_cursor: str | None = None

    def map(self, change: Callable[[Row], Other]) -> Page[Other]:
        """The same page with other rows."""
        return Page([change(row) for row in self.rows], self.next_cursor, self.prev_cursor)


def encode(key: Key) -> str:
    """The cursor of a place."""
    return signing.dumps([key.order, key.at.isoformat(), key.id], salt=SALT)


def decode(cursor: str, order: str) -> Key:
    """The place of a cursor. Raises InvalidInput for one that was not made here, for this order."""
    try:
        made_for, at, row_id = signing.loads(cursor, salt=SALT)
    except signing.BadSignature:
        raise InvalidInput(
            "cursor", "this is no cursor of a list; start from its first page"
        ) from None
    if made_for != order:
        raise InvalidInput(
            "cursor", "this cursor belongs to another order; start from the first page"
        )
    return Key(made_for, datetime.fromisoformat(at), row_id)


@dataclass(frozen=True)
class Keyset:
    """The order of a list: a time field and an id field, newest first."""

    time: str
    id: str

    def key(self, row: Mapping[str, Any]) -> Key:
        """The place of a row."""
        return Key(self.time, row[self.time], str(row[self.id]))

    def older(self, key: Key) -> Q:
        """Rows after a place. The first condition is the one that an index can use."""
        return Q(**{f"{self.time}__lte": key.at}) & (
            Q(**{f"{self.time}__lt": key.at}) | Q(**{f"{self.id}__lt": key.id})
        )

    def newer(self, key: Key) -> Q:
        """Rows before a place."""
        return Q(**{f"{self.time}__gte": key.at}) & (
            Q(**{f"{self.time}__gt": key.at}) | Q(**{f"{self.id}__gt": key.id})
        )

    def page(
        self, rows: Rows, *, after: str = "", before: str = "", limit: int
    ) -> Page[dict[str, Any]]:
        """The page after one cursor or before another, else the first.

        The rows are those of `QuerySet.values()`: fifty models cost more than their query.
        """
        if before:
            return self._backwards(rows, decode(before, self.time), limit)
        if after:
            rows = rows.filter(self.older(decode(after, self.time)))
        found = list(rows.order_by(f"-{self.time}", f"-{self.id}")[: limit + 1])
        shown = found[:limit]
        return Page(
            shown,
            encode(self.key(shown[-1])) if len(found) > limit else None,
            encode(self.key(shown[0])) if after and shown else None,
        )

    def _backwards(self, rows: Rows, key: Key, limit: int) -> Page[dict[str, Any]]:
        found = list(rows.filter(self.newer(key)).order_by(self.time, self.id)[: limit + 1])
        shown = found[:limit][::-1]
        return Page(
            shown,
            encode(self.key(shown[-1])) if shown else None,
            encode(self.key(shown[0])) if len(found) > limit else None,
        )

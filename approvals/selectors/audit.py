"""The audit trail as people read and export it: in the order of its numbers, payloads masked."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any

from approvals.masking import masked
from approvals.models import AuditEntry

COLUMNS = (
    "number",
    "at",
    "actor",
    "via",
    "act",
    "subject",
    "payload",
    "payload_digest",
    "previous_hash",
    "entry_hash",
)
# What spreadsheets take for a formula where a cell begins with it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def entries_after(number: int, limit: int) -> list[AuditEntry]:
    """The entries after a number, in their order."""
    return list(AuditEntry.objects.filter(number__gt=number).order_by("number")[:limit])


def entries_before(number: int | None, limit: int) -> list[AuditEntry]:
    """The entries before a number, or the latest, latest first."""
    rows = AuditEntry.objects.order_by("-number")
    return list((rows.filter(number__lt=number) if number is not None else rows)[:limit])


def head() -> AuditEntry | None:
    """The last entry: its hash stands for all before it."""
    return AuditEntry.objects.order_by("-number").first()


def entry_as_json(entry: AuditEntry) -> dict[str, Any]:
    """An entry as it is exported, masked. The digests are over what it was before."""
    fields = {name: getattr(entry, name) for name in COLUMNS}
    at = entry.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    shown: dict[str, Any] = masked(fields | {"at": at})
    return shown


def as_json_lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """One line per entry."""
    for entry in entries:
        yield json.dumps(entry_as_json(entry)) + "\n"


def as_csv(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """A header, then one line per entry; payloads are JSON in a cell, and no cell is a formula."""
    yield _csv_line(COLUMNS)
    for entry in entries:
        fields = entry_as_json(entry)
        payload = "" if fields["payload"] is None else json.dumps(fields["payload"])
        yield _csv_line([_cell(value) for value in (fields | {"payload": payload}).values()])


def _cell(value: Any) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


FORMATS = {"csv": as_csv, "jsonl": as_json_lines}

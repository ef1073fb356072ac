"""The audit trail: entries are appended under a lock, and each is hashed over the one before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from approvals.models import AuditEntry
from approvals.services.addresses import client_address
from timestep.digests import digest

GENESIS = "0" * 64
# The act of an entry that says that the payloads about its subject were erased before it.
ERASED = "audit.erased"
_AT_ONCE = 1_000
# Any constant will do, as long as nobody else takes the same: the letters "audt".
_LOCK_KEY = 0x61756474
_FIELD_LIMIT = 200


@dataclass(frozen=True)
class Problem:
    """Where the chain does not hold, and how."""

    number: int
    what: str


@dataclass(frozen=True)
class Verification:
    """What reading the whole chain showed. `head` is the last entry's hash: export it, and a
    later verification against it also finds truncation."""

    entries: int
    erased: int
    head: str
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was edited, deleted or reordered."""
        return not self.problems


def append(actor: str, via: str, act: str, subject: str, payload: dict[str, Any]) -> AuditEntry:
    """Add an entry in the caller's transaction, which must be the one of the act itself.

    The payload may hold strings, booleans, integers and null only: Postgres rewrites other numbers
    (1e22 comes back as an integer), and the digest would not hold. What is done on a page also
    has the client's `address`: in the payload, so that it can be erased.
    """
    if address := client_address():
        payload = payload | {"address": address}
    _take_lock()
    last = AuditEntry.objects.order_by("-number").first()
    entry = AuditEntry(
        number=last.number + 1 if last else 1,
        at=timezone.now(),
        actor=actor[:_FIELD_LIMIT],
        via=via[:_FIELD_LIMIT],
        act=act,
        subject=subject,
        payload=payload,
        payload_digest=digest(payload),
        previous_hash=last.entry_hash if last else GENESIS,
    )
    entry.entry_hash = hash_of(entry)
    entry.save(force_insert=True)
    return entry


def hash_of(entry: AuditEntry) -> str:
    """The hash that an entry with these fields must carry: over all but the payload itself."""
    return digest(
        {
            "number": entry.number,
            "at": entry.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
            "actor": entry.actor,
            "via": entry.via,
            "act": entry.act,
            "subject": entry.subject,
            "payload_digest": entry.payload_digest,
            "previous_hash": entry.previous_hash,
        }
    )


def verify(head: str | None = None) -> Verification:
    """Read the chain from its start and say where it does not hold; memory stays bounded.

    What the rows say that the entries are about is `verifying.differences`.

    Args:
        head: The hash of an entry that is known to have been there, to find truncation.
    """
    problems: list[Problem] = []
    number, previous, erased, head_seen = 0, GENESIS, 0, head is None
    for entries in _pages():
        problems.extend(_missing_payloads(entries))
        for entry in entries:
            problems.extend(_problems_of(entry, number, previous))
            number, previous = entry.number, entry.entry_hash
            erased += entry.payload is None
            head_seen = head_seen or entry.entry_hash == head
    if not head_seen:
        problems.append(Problem(number, "the chain ends before the given head: entries are gone"))
    return Verification(number, erased, previous, tuple(problems))


def _pages() -> Iterator[list[AuditEntry]]:
    """All entries in the order of their numbers, so many at once."""
    rows, after = AuditEntry.objects.order_by("number"), None
    while found := list((rows if after is None else rows.filter(number__gt=after))[:_AT_ONCE]):
        yield found
        after = found[-1].number


def _missing_payloads(entries: list[AuditEntry]) -> Iterator[Problem]:
    """Entries without a payload that no later entry about their subject says to be erased.

    What an erasure says of itself is never erased: `erase` leaves it.
    """
    empty = [entry for entry in entries if entry.payload is None]
    if not empty:
        return
    rows = AuditEntry.objects.filter(act=ERASED, subject__in={entry.subject for entry in empty})
    last = dict(rows.order_by().values_list("subject").annotate(Max("number")))
    for entry in empty:
        if entry.act == ERASED or last.get(entry.subject, 0) < entry.number:
            yield Problem(
                entry.number, "has no payload, and no later entry says that it was erased"
            )


def _problems_of(entry: AuditEntry, number: int, previous: str) -> Iterator[Problem]:
    if entry.number != number + 1:
        yield Problem(entry.number, f"follows entry {number}: entries between them are gone")
    elif entry.previous_hash != previous:
        yield Problem(entry.number, "does not follow from the entry before it")
    if entry.entry_hash != hash_of(entry):
        yield Problem(entry.number, "was edited")
    if entry.payload is not None and entry.payload_digest != digest(entry.payload):
        yield Problem(entry.number, "has another payload than was recorded")


def _take_lock() -> None:
    """One appender at a time, until the transaction ends. SQLite is single-writer already."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "audit.append() belongs in the transaction of the act that it records"
        )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])

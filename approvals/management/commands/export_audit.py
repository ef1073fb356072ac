"""`manage.py export_audit`: the audit trail as CSV or JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from approvals.models import AuditEntry
from approvals.selectors.audit import FORMATS, entries_after
from timestep.management.seen import SeenCommand, Shown

_AT_ONCE = 1_000


class Command(SeenCommand):
    """Writes every entry to standard output, in order, payloads masked."""

    help = "Export the audit trail to standard output; the last line's entry_hash is the head."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--format", choices=sorted(FORMATS), default="jsonl")
        parser.add_argument(
            "--after", type=int, default=0, metavar="NUMBER", help="only entries after this one"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write line by line: the trail may be longer than memory."""
        for line in FORMATS[options["format"]](_entries(options["after"])):
            self.stdout.write(Shown(line), ending="")


def _entries(after: int) -> Iterator[AuditEntry]:
    while found := entries_after(after, _AT_ONCE):
        yield from found
        after = found[-1].number

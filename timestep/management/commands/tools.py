"""`manage.py tools`: what the catalogue holds, and publishing to it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from timestep.errors import TimestepError
from timestep.management.seen import SeenCommand, Shown
from timestep.masking import masked_text, masked_texts
from timestep.models import CatalogueTool


class Command(SeenCommand):
    """List the tool catalogue, or publish this process's tools to it."""

    help = "List the tools that workers have published; `tools sync` publishes those found here."

    def add_arguments(self, parser: CommandParser) -> None:
        """`sync` is the only act."""
        parser.add_argument("act", nargs="?", choices=("list", "sync"), default="list")
        parser.add_argument("--json", action="store_true", help="print a JSON list, nothing else")

    def handle(self, *_args: object, **options: Any) -> None:
        """Publish if asked to, then show the catalogue."""
        if options["act"] == "sync":
            _sync()
        rows = [_as_json(tool) for tool in CatalogueTool.objects.all()]
        if options["json"]:
            self.stdout.write(Shown(json.dumps(rows, ensure_ascii=False)))
            return
        for row in rows:
            self.stdout.write(_line(row))
        if not rows:
            self.stdout.write("No tools yet: start a worker, or run `manage.py tools sync`.")


def _sync() -> None:
    # Imported here because the SDK takes seconds to import, and listing does without.
    from timestep.engine.tools.registry import load_tools, publish_catalogue  # noqa: PLC0415

    try:
        publish_catalogue(load_tools())
    except TimestepError as error:
        raise CommandError(str(error)) from error


def _as_json(tool: CatalogueTool) -> dict[str, Any]:
    return {
        "name": masked_text(tool.name),
        "description": masked_text(tool.description),
        "schema": masked_texts(tool.schema),
        "schema_digest": tool.schema_digest,
        "needs_approval": tool.needs_approval,
        "idempotent": tool.idempotent,
        "module": masked_text(tool.module),
        "present": tool.present,
        "published_at": tool.published_at.isoformat(),
    }


def _line(row: dict[str, Any]) -> str:
    marks = [
        "needs approval" if row["needs_approval"] else "",
        "idempotent" if row["idempotent"] else "not idempotent",
        "" if row["present"] else "gone",
    ]
    about = ", ".join(mark for mark in marks if mark)
    first = row["description"].strip().partition("\n")[0]
    return f"{row['name']:<28} {about:<32} {row['module']}  {first[:80]}"

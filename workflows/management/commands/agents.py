"""`manage.py agents`: list, export and import agent definitions."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from timestep.management.seen import Shown
from timestep.masking import MASK, masked
from workflows.management.edge import EdgeCommand, add_json, read_text
from workflows.selectors.agents import AgentRow, agents_overview
from workflows.services.exchange import Change, export_definitions, import_definitions


class Command(EdgeCommand):
    """Definitions as files: what `export` prints, `import` reads."""

    help = "List agent definitions, export them as JSON, or import them from JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        actions = parser.add_subparsers(dest="action", metavar="export|import")
        export = actions.add_parser("export", help="print definitions as a JSON list")
        export.add_argument("slugs", metavar="SLUG", nargs="*", help="all, if none is given")
        export.add_argument(
            "--exact", action="store_true", help="what looks like a secret, too: for another place"
        )
        load = actions.add_parser("import", help="create or update definitions, all or none")
        load.add_argument("file", metavar="FILE|-")
        load.add_argument("--dry-run", action="store_true", help="show the difference only")
        add_json(parser, export, load)

    def run(self, options: dict[str, Any]) -> None:
        """Do what was asked."""
        if options["action"] == "export":
            self._export(options)
        elif options["action"] == "import":
            self._import(options)
        elif options["json"]:
            self.print_json([_as_json(row) for row in agents_overview()])
        else:
            self.print_lines(_line(row) for row in agents_overview())

    def _export(self, options: dict[str, Any]) -> None:
        exported = export_definitions(options["slugs"])
        shown = exported if options["exact"] else masked(exported)
        # Exact where somebody says that it is for an installation and not for eyes.
        self.stdout.write(Shown(json.dumps(shown, indent=2, ensure_ascii=False)))
        if shown != exported:
            self.stderr.write(f"{MASK} stands for what is not shown; --exact prints it")

    def _import(self, options: dict[str, Any]) -> None:
        dry_run = options["dry_run"]
        changes = import_definitions(_parsed(options["file"]), dry_run=dry_run)
        if options["json"]:
            self.print_json([change.as_json() for change in changes])
            return
        for change in changes:
            self.print_lines(change.as_lines())
        self.print_lines([_summary(changes, dry_run=dry_run)])


def _parsed(source: str) -> Any:
    try:
        return json.loads(read_text(source))
    except (ValueError, RecursionError) as error:
        name = "standard input" if source == "-" else source
        raise CommandError(f"{name} is not JSON: {error}") from error


def _summary(changes: list[Change], *, dry_run: bool) -> str:
    moved = [change for change in changes if change.action != "unchanged"]
    if not moved:
        return "Nothing to change."
    many = f"{len(moved)} of {len(changes)} definitions"
    return f"Would change {many}." if dry_run else f"Changed {many}."


def _as_json(row: AgentRow) -> dict[str, Any]:
    names = ("slug", "name", "model", "version", "active", "handoffs")
    shown = {name: getattr(row, name) for name in names}
    return shown | {"tools": [tool.name for tool in row.tools]}


def _line(row: AgentRow) -> str:
    state = "" if row.active else "  (inactive)"
    return f"{row.slug:<24} v{row.version:<4} {row.model:<24} {row.name}{state}"

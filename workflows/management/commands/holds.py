"""`manage.py holds`: the emergency stop."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from timestep.models import Hold, HoldKind
from timestep.services import holds
from workflows.management.edge import EdgeCommand, add_json, operator


class Command(EdgeCommand):
    """What the page of the emergency stop does; in force on every worker within two seconds."""

    help = "List what is held; hold everything, an agent or a tool; release a hold."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        actions = parser.add_subparsers(dest="action", metavar="place|release")
        place = actions.add_parser("place", help="stop model calls and tool calls")
        place.add_argument("kind", metavar="KIND", choices=HoldKind.values)
        place.add_argument("name", metavar="NAME", nargs="?", default="")
        release = actions.add_parser("release", help="let go on what a hold stopped")
        release.add_argument("hold_id", metavar="ID", type=int)
        for one in (place, release):
            one.add_argument("--reason", metavar="REASON", required=True)
        add_json(parser, place, release)

    def run(self, options: dict[str, Any]) -> None:
        """Do what was asked, and print the hold, or all that are active."""
        why, by = options.get("reason", ""), operator()
        if options["action"] is None:
            found = holds.active()
        elif options["action"] == "place":
            found = [holds.place(options["kind"], options["name"], by=by, why=why)]
        else:
            found = [holds.release(options["hold_id"], by=by, why=why)]
        self.print_rows(found, options, _as_json, _as_text)


def _as_json(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.pk,
        "kind": hold.kind,
        "name": hold.name,
        "placed_at": hold.placed_at.isoformat(),
        "placed_by": hold.placed_by,
        "placed_why": hold.placed_why,
        "released_at": hold.released_at.isoformat() if hold.released_at else None,
        "released_by": hold.released_by,
        "released_why": hold.released_why,
    }


def _as_text(hold: Hold) -> str:
    what = f"{hold.kind} {hold.name}".strip()
    if hold.released_at is not None:
        return f"{hold.pk:>6}  {what}  released by {hold.released_by}: {hold.released_why}"
    at = hold.placed_at.strftime("%Y-%m-%d %H:%M:%S")
    return f"{hold.pk:>6}  {what}  held since {at} by {hold.placed_by}: {hold.placed_why}"

"""`manage.py limits`: list model limits, set one, or lift it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from timestep.models import ModelLimit
from timestep.services import limits
from workflows.management.edge import EdgeCommand, add_json, operator
from workflows.selectors.limits import LimitLine, limit_line, limit_lines


class Command(EdgeCommand):
    """What the page of model limits does; in force on every worker within two seconds."""

    help = "List model limits with what is used of them; set one, or lift it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        actions = parser.add_subparsers(dest="action", metavar="set|delete")
        change = actions.add_parser("set", help="limit a model, or change its limit")
        delete = actions.add_parser("delete", help="lift a limit")
        for part in (change, delete):
            part.add_argument("pattern", metavar="MODELS", help="openai/gpt-4.1, openai/* or *")
        for figure in ("requests", "tokens"):
            said = f"{figure} in any minute; not limited if not given"
            change.add_argument(f"--{figure}", metavar="N", type=int, help=said)
        add_json(parser, change, delete)

    def run(self, options: dict[str, Any]) -> None:
        """Do what was asked, and print the limit as it is then, or was."""
        if options["action"] is None:
            self.print_rows(limit_lines(), options, _as_json, _as_text)
            return
        pattern = limits.checked_pattern(options["pattern"])
        if options["action"] == "set":
            _set(pattern, options["requests"], options["tokens"])
            self.print_rows([limit_line(pattern)], options, _as_json, _as_text)
        else:
            before = limit_line(pattern)
            limits.delete(pattern, by=operator())
            self.print_rows([before], options, _as_json, _as_text)


def _set(pattern: str, requests: int | None, tokens: int | None) -> None:
    known = ModelLimit.objects.filter(pattern=pattern).exists()
    act = limits.change if known else limits.create
    act(pattern, requests, tokens, by=operator())


def _as_json(line: LimitLine) -> dict[str, Any]:
    return {
        "pattern": line.limit.pattern,
        "requests": line.requests.most,
        "tokens": line.tokens.most,
        "requests_used": line.requests.used,
        "tokens_used": line.tokens.used,
        "waiting": line.waiting,
        "free_at": line.free_at.isoformat() if line.free_at else None,
    }


def _as_text(line: LimitLine) -> str:
    figures = {"requests": line.requests, "tokens": line.tokens}
    used = [
        f"{use.used} of {use.most} {what}" for what, use in figures.items() if use.most is not None
    ]
    return f"{line.limit.pattern:<32} {', '.join(used)} in a minute; {line.waiting} waiting"

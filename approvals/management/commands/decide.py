"""`manage.py decide`: decide an approval request from a shell."""

from __future__ import annotations

import json
import os
import pwd
import sys
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.management.base import CommandError, CommandParser

from approvals import selectors
from approvals.errors import AlreadyDecided
from approvals.models import Decision, Vote
from approvals.services.decisions import VIA_SHELL, decide, resolve_unknown
from approvals.services.present import request_as_json
from approvals.services.schemas import checked_text
from timestep.errors import TimestepError
from timestep.management.seen import SeenCommand

EXIT_ALREADY_DECIDED = 4


class Command(SeenCommand):
    """Decides one request in the name of a user; needs shell access, and is audited as such."""

    help = (
        "Approve or reject a tool call, or say what became of one whose outcome is unknown. "
        "Exit code 4: it was decided before; the earlier decision is printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("approval_id", metavar="APPROVAL_ID")
        answer = parser.add_mutually_exclusive_group(required=True)
        answer.add_argument("--approve", action="store_true", help="the call may be made")
        answer.add_argument("--reject", action="store_true", help="the call is not made")
        answer.add_argument(
            "--happened", metavar="RESULT", help="outcome unknown: it happened, and returned this"
        )
        answer.add_argument("--run-again", action="store_true", help="outcome unknown: run again")
        answer.add_argument("--fail", action="store_true", help="outcome unknown: fail the run")
        parser.add_argument(
            "--arguments",
            metavar="JSON",
            help="approve with these arguments instead; @FILE reads a file, @- standard input",
        )
        parser.add_argument(
            "--for-run",
            action="store_true",
            help="approve further calls of the run as well, where the policy allows it",
        )
        parser.add_argument("--reason", default="", help="why; the model is told")
        parser.add_argument("--as", dest="username", metavar="USER", required=True)
        parser.add_argument("--json", action="store_true", help="print the decided request as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Decide, and print what stands now."""
        try:
            decision = _decide(_user(options["username"]), options)
        except AlreadyDecided as error:
            self._report(error.decision, as_json=options["json"])
            raise CommandError(str(error), returncode=EXIT_ALREADY_DECIDED) from error
        except TimestepError as error:
            raise CommandError(str(error)) from error
        self._report(decision, as_json=options["json"])

    def _report(self, decision: Decision | Vote, *, as_json: bool) -> None:
        if as_json:
            request = selectors.get(decision.request_id)
            self.print_json(request_as_json(request))
            return
        reason = f", reason: {json.dumps(decision.reason)}" if decision.reason else ""
        self.stdout.write(f"{decision.request_id}: {decision} (via {decision.via}){reason}")


def _user(username: str) -> User:
    try:
        return get_user_model().objects.get_by_natural_key(username)
    except get_user_model().DoesNotExist as error:
        raise CommandError(f"no user is named {username!r}") from error


def _decide(user: User, options: dict[str, Any]) -> Decision | Vote:
    approval_id, reason = options["approval_id"], options["reason"]
    via = f"{VIA_SHELL}{_os_user()} as {user.get_username()}"
    if options["approve"] or options["reject"]:
        given = options["arguments"]
        return decide(
            approval_id,
            approve=options["approve"],
            by=user,
            reason=reason,
            via=via,
            arguments=None if given is None else checked_text(_text(given)),
            for_run=options["for_run"],
        )
    if options["arguments"] is not None or options["for_run"]:
        raise CommandError("--arguments and --for-run go with --approve")
    result = options["happened"]
    outcome = "fail" if options["fail"] else "run_again" if options["run_again"] else "happened"
    return resolve_unknown(
        approval_id, outcome=outcome, result=result or "", by=user, reason=reason, via=via
    )


def _text(given: str) -> str:
    """An argument as it is, or what the file has that it names after an @."""
    if not given.startswith("@"):
        return given
    try:
        raw = sys.stdin.buffer.read() if given == "@-" else Path(given[1:]).read_bytes()
        return raw.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise CommandError(f"{given[1:]} cannot be read: {error}") from error


def _os_user() -> str:
    """The name of the process's real user: from the system, since the environment can lie."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())

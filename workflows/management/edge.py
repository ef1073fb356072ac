"""What the commands share: JSON on standard output, errors as one line, exit codes."""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import OperationalError, ProgrammingError

from timestep.errors import TimestepError
from timestep.letters import printable
from timestep.management.seen import SeenCommand
from timestep.outages import Outage, outage
from timestep.services.audit import Actor

T = TypeVar("T")
# What argparse exits with, too.
USAGE = 2


class EdgeCommand(SeenCommand):
    """A command that calls services. Subclasses implement `run`; its errors become one line."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, and turn errors that were raised on purpose into one line and exit code 1."""
        try:
            self.run(options)
        except TimestepError as error:
            raise CommandError(one_line(str(error))) from error
        except ValidationError as error:
            raise CommandError(one_line("; ".join(error.messages))) from error
        except (OperationalError, ProgrammingError) as error:
            raise CommandError(one_line(_said_of_the_database(error))) from error

    def run(self, options: dict[str, Any]) -> None:
        """Do the work of the command."""
        raise NotImplementedError

    def print_rows(
        self,
        rows: Sequence[T],
        options: dict[str, Any],
        as_json: Callable[[T], Any],
        as_text: Callable[[T], str],
    ) -> None:
        """Print a list where no action was asked for, else the one row that was acted on."""
        if not options["json"]:
            self.print_lines(map(as_text, rows))
        else:
            shown = [as_json(row) for row in rows]
            self.print_json(shown if options["action"] is None else shown[0])

    def print_lines(self, lines: Iterable[str]) -> None:
        """Print lines for people; what a model or a person wrote cannot steer the terminal."""
        for line in lines:
            self.stdout.write(printable(line))


def _said_of_the_database(error: Exception) -> str:
    found = outage(error)
    if found is None or found is Outage.AWAY:
        return f"the database: {error}; is it reachable, and has `migrate` been run?"
    return f"{found}: nothing was changed; {found.mend}, then run this again"


def one_line(text: str) -> str:
    """The text on one line."""
    return printable(" ".join(text.split()))


def read_text(source: str) -> str:
    """A text that is given as `-` (standard input) or as the path of a file."""
    name = "standard input" if source == "-" else source
    if not source:
        raise CommandError("after @ comes the path of a file")
    try:
        raw = _standard_input() if source == "-" else Path(source).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{name} is not UTF-8 text") from error


def _standard_input() -> bytes:
    # Python has no stdin at all in a process that was started with it closed.
    if sys.stdin is None:
        raise CommandError("standard input is closed")
    return sys.stdin.buffer.read()


def os_user() -> str:
    """The name of the process's real user: from the system, since the environment can lie."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def operator() -> Actor:
    """Who operates from the command line, for the audit trail."""
    return Actor(os_user(), "command line")


def add_json(*parsers: CommandParser | argparse.ArgumentParser) -> None:
    """Let a command, and each of its actions, print JSON.

    Args:
        parsers: The command's own parser, then those of its actions: these must not set what
            stood before the action back to false.
    """
    for number, parser in enumerate(parsers):
        default = argparse.SUPPRESS if number else False
        parser.add_argument(
            "--json", action="store_true", default=default, help="print JSON and nothing else"
        )

"""docs/command-line.md says what `--help` says."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.core.management.commands.migrate import Command as DjangosMigrate

from tests.docs.pages import Page
from tests.stack import ROOT

PAGE = Page(ROOT / "docs" / "command-line.md")
SECTION = re.compile(r"^### `manage\.py (\w+)[^`]*`\n(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"^\| `(--[\w-]+)(?: \w+)?` \|", re.MULTILINE)
SECTIONS = dict(SECTION.findall(PAGE.text))
OURS = {
    name
    for name, app in get_commands().items()
    if str(app) in ("timestep", "approvals", "workflows")
}


def options_of(command: BaseCommand) -> set[str]:
    """The long options of a command and its parts, but for those that all commands have."""
    parser = command.create_parser("manage.py", "it")
    common = DjangosMigrate if "migrate" in type(command).__module__ else BaseCommand
    return set(_long(parser)) - set(_long(common().create_parser("manage.py", "it")))


def _long(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from (option for option in action.option_strings if option.startswith("--"))
        if isinstance(action, argparse._SubParsersAction):
            for part in action.choices.values():
                yield from _long(part)


def test_every_command_of_ours_has_its_section() -> None:
    assert SECTIONS.keys() == OURS


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_options_are_those_of_the_command(name: str) -> None:
    command = load_command_class(str(get_commands()[name]), name)
    assert set(OPTION.findall(SECTIONS[name])) == options_of(command)


def test_the_exit_codes_are_those_of_the_commands() -> None:
    from approvals.management.commands import decide  # noqa: PLC0415 - apps must be ready
    from workflows.management import edge, waiting  # noqa: PLC0415

    used = {waiting.SUCCEEDED, waiting.OTHER, waiting.AWAITING, decide.EXIT_ALREADY_DECIDED}
    table = PAGE.text.partition("## Exit codes")[2].partition("## Starting")[0]
    assert {int(code) for code in re.findall(r"^\| (\d) \|", table, re.MULTILINE)} == {
        *used,
        edge.USAGE,
    }

"""What the pages name is there: links, files, commands, variables, settings, headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.docs.pages import Page, all_pages
from tests.stack import ROOT

PAGES = all_pages()
DOCS = ROOT / "docs"
ROOTS = ("docs/", "tests/", "scripts/", "static/", "timestep/", "approvals/", "workflows/")
CODE = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"manage\.py ([a-z]\w+)")
VARIABLE = re.compile(r"\b(?:TIMESTEP|PG|OPENAI|OLLAMA)_[A-Z0-9_]*[A-Z0-9]\b")
MENTION = re.compile(r"(docs/[\w/-]+\.md)(?:,\s+\"([^\"]+)\")?")

every_page = pytest.mark.parametrize("shown", PAGES, ids=lambda page: page.name)


@every_page
def test_links_lead_somewhere(shown: Page) -> None:
    for link in shown.links():
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        target = shown.path.parent / path if path else shown.path
        assert target.exists(), link
        assert not anchor or anchor in Page(target.resolve()).anchors(), link


@every_page
def test_files_that_are_named_are_there(shown: Page) -> None:
    for word in CODE.findall(shown.prose):
        path = word.split(" ")[0]
        if path.startswith(ROOTS) and "<" not in path:
            assert (ROOT / path).exists(), path


@every_page
def test_commands_that_are_named_exist(shown: Page) -> None:
    assert set(COMMAND.findall(shown.text)) <= get_commands().keys()


@every_page
def test_variables_that_are_named_are_settings(shown: Page) -> None:
    settings = set(VARIABLE.findall((DOCS / "settings.md").read_text()))
    assert set(VARIABLE.findall(shown.text)) <= settings


def test_every_page_is_in_the_index() -> None:
    index = Page(DOCS / "README.md")
    linked = {(DOCS / link).resolve() for link in index.links()}
    assert {page.path for page in PAGES if page.path.is_relative_to(DOCS)} - linked == {index.path}


def _sources() -> list[Path]:
    folders = ("timestep", "approvals", "workflows", "timestep_site", "benchmarks", "scripts")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def test_what_the_code_says_of_the_pages_holds() -> None:
    for source in [*_sources(), ROOT / "Containerfile", ROOT / "pyproject.toml"]:
        for name, heading in MENTION.findall(source.read_text()):
            page = Page(ROOT / name)
            assert page.path.exists(), f"{source}: {name}"
            wanted = re.sub(r"\s+", " ", heading)
            assert not heading or f"# {wanted}\n" in page.text, f"{source}: {heading}"


def test_every_dependency_has_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    lists = re.findall(r"^(?:dependencies|dev) = \[\n(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    wanted = {
        name for part in lists for name in re.findall(r'^ +"([\w-]+(?:\[\w+\])?)', part, re.M)
    }
    text = (DOCS / "dependencies.md").read_text()
    given = {
        name for row in re.findall(r"^\| (.+?) \|", text, re.MULTILINE) for name in row.split(", ")
    }
    assert given - {"package", "---"} == wanted

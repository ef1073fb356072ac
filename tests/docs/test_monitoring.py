"""What docs/monitoring.md and docs/troubleshooting.md quote is what the code says."""

from __future__ import annotations

import re
from itertools import chain

import pytest
from django.db import connection

from tests.docs.pages import Page
from tests.stack import ROOT

MONITORING = Page(ROOT / "docs" / "monitoring.md")
TROUBLESHOOTING = Page(ROOT / "docs" / "troubleshooting.md")
QUERIES = re.findall(r"^```sql\n(.*?)^```$", MONITORING.text, re.MULTILINE | re.DOTALL)
# Words of people's own, of commands, of DBOS and of the SDK.
NOT_OURS = re.compile(r"^(/|python |scripts/|TIMESTEP_|PG_|Max turns|database is locked)")


def _rows(page: Page, heading: str = "") -> list[str]:
    """The first cells of the tables (under a heading)."""
    text = page.text.partition(f"## {heading}\n")[2].partition("\n## ")[0] if heading else page.text
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [line.split(" | ")[0].removeprefix("| ") for line in lines]


def _quoted(cells: list[str]) -> list[str]:
    """The fixed parts of what cells quote: `a … b` is `a` and `b`."""
    spans = [part for cell in cells for part in re.findall(r"`([^`]+)`", cell)]
    ours = [span for span in spans if not NOT_OURS.match(span)]
    return [part.strip() for span in ours for part in span.split("…") if part.strip()]


def _sources() -> str:
    """All our code and templates, with texts that go over lines joined."""
    folders = ("timestep", "approvals", "workflows", "timestep_site")
    code = chain.from_iterable((ROOT / folder).rglob("*.py") for folder in folders)
    joined = (re.sub(r'"\s*\n\s*f?"', "", path.read_text()) for path in code)
    templates = (path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    return "\n".join([*joined, *templates])


SOURCES = _sources()


@pytest.mark.parametrize(
    "words", _quoted([*_rows(MONITORING, "Log lines"), *_rows(TROUBLESHOOTING)])
)
def test_what_is_quoted_is_said(words: str) -> None:
    assert words in SOURCES


@pytest.mark.django_db
@pytest.mark.parametrize("query", QUERIES)
def test_the_queries_run(query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)
        assert cursor.fetchall() == []


def test_there_is_something_to_test() -> None:
    assert len(QUERIES) == 4
    assert len(_quoted(_rows(TROUBLESHOOTING))) > 15

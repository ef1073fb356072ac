"""The documentation as the tests read it: pages, their headings, links and tested blocks.

A comment right before a code block says what the tests do with it; readers never see it:

    <!-- tested -->                   run it; it must end with exit code 0
    <!-- tested: exit 3 -->           run it; it must end with this exit code
    <!-- tested: output -->           what the block before it printed; `…` stands for anything
    <!-- tested: contains -->         the same, but only lines that are among those printed
    <!-- tested: file ~/x/y.py -->    write it to this place before anything starts
    <!-- tested: environment -->      start the installation with these variables
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.stack import ROOT

_BLOCK = re.compile(
    r"^<!-- tested(?:: (?P<what>\w+)(?: (?P<argument>\S+))?)? -->\n"
    r"```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A code block that the tests use."""

    what: str
    argument: str
    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Page:
    """One file of the documentation."""

    path: Path

    @property
    def name(self) -> str:
        """Its path from the root."""
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text()

    @property
    def prose(self) -> str:
        """All but its code blocks."""
        return _FENCED.sub("", self.text)

    def blocks(self) -> list[Block]:
        """Its tested blocks, in order."""
        return [
            Block(
                found["what"] or "exit",
                found["argument"] or "0",
                found["language"],
                found["text"],
                self.text.count("\n", 0, found.start()) + 1,
            )
            for found in _BLOCK.finditer(self.text)
        ]

    def links(self) -> list[str]:
        """Where it links to, pictures included."""
        return [first or second for first, second in _LINK.findall(self.prose)]

    def anchors(self) -> set[str]:
        """The anchors that GitHub makes of its headings."""
        return {_anchor(heading) for heading in _HEADING.findall(self.prose)}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


README = Page(ROOT / "README.md")


def all_pages() -> list[Page]:
    """README first, then the guides, then the rest."""
    docs = ROOT / "docs"
    guides = sorted((docs / "how-to").glob("*.md"))
    rest = [*sorted(docs.glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    return [README, *(Page(path) for path in [*guides, *rest])]

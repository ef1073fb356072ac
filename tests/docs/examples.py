"""Running the examples of the documentation against an installation of their own."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.docs.pages import Block, Page
from tests.stack import ROOT, Stack

ADDRESS = "http://127.0.0.1:8000"
JOINED = {"TIMESTEP_TOOLS": ",", "PYTHONPATH": ":"}


def write_files(pages: list[Page], home: Path) -> None:
    """Write every file that the pages tell readers to save."""
    for block in _of_kind(pages, "file"):
        path = Path(block.argument.replace("~", str(home), 1))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)


def environment(pages: list[Page], home: Path) -> dict[str, str]:
    """The variables that the pages tell readers to start Timestep with, all together."""
    found: dict[str, list[str]] = defaultdict(list)
    for block in _of_kind(pages, "environment"):
        for word in shlex.split(block.text):
            name, equals, value = word.partition("=")
            if equals:
                found[name] += value.replace("~", str(home)).split(JOINED[name])
    return {name: JOINED[name].join(dict.fromkeys(words)) for name, words in found.items()}


def _of_kind(pages: list[Page], what: str) -> list[Block]:
    return [block for page in pages for block in page.blocks() if block.what == what]


@dataclass
class Reader:
    """Somebody who types what a page says, in the directory of the source."""

    stack: Stack
    printed: str = ""

    def follow(self, page: Page) -> None:
        """Do all that the page says, in order."""
        for block in page.blocks():
            where = f"{page.name}:{block.line}"
            if block.what == "exit":
                self._run(block, where)
            elif block.what in ("output", "contains"):
                self._compare(block, where)

    def _run(self, block: Block, where: str) -> None:
        script = block.text.replace(ADDRESS, self.stack.url)
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=ROOT,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = f"{where}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        assert done.returncode == int(block.argument), said
        self.printed = done.stdout

    def _environment(self) -> dict[str, str]:
        # `python` is the one of the environment that the page tells to activate.
        programs = f"{Path(sys.executable).parent}:{self.stack.environment['PATH']}"
        return self.stack.environment | {"PATH": programs}

    def _compare(self, block: Block, where: str) -> None:
        said = f"{where}: printed was\n{self.printed}"
        if block.language == "json":
            assert alike(json.loads(block.text), json.loads(self.printed)), said
        elif block.what == "output":
            assert fits(block.text, self.printed), said
        else:
            lines = self.printed.splitlines()
            for line in block.text.splitlines():
                assert any(fits(line, printed) for printed in lines), f"{line!r}: {said}"


def fits(shown: str, real: str) -> bool:
    """Whether a text is the one shown, where `…` stands for anything."""
    parts = [re.escape(part) for part in shown.strip().split("…")]
    return re.fullmatch(".*".join(parts), real.strip(), re.DOTALL) is not None


def alike(shown: Any, real: Any) -> bool:
    """Whether a JSON value has the form shown: all keys, the texts, any numbers."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return shown.keys() == real.keys() and all(alike(shown[key], real[key]) for key in shown)
    if isinstance(shown, list) and isinstance(real, list):
        return len(shown) == len(real) and all(map(alike, shown, real))
    if isinstance(shown, str) and isinstance(real, str):
        return fits(shown, real)
    return type(shown) is type(real) and (isinstance(shown, int) or shown == real)

"""The scripted model server as a process of its own, and what tests ask of it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from typing import Any, Self

from tests.stack import ROOT

Json = dict[str, Any]


def call(tool: str, **arguments: Any) -> Json:
    """A tool call in the double's script."""
    return {"name": tool, "arguments": arguments}


def script(text: str, *turns: Json, **more: Any) -> Json:
    """What the double says where the input contains the text."""
    return {"input_contains": text, "turns": list(turns), **more}


class Double:
    """The double of OpenAI's servers; its script grows with every conversation that is added."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fake_openai", "--port", "0"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self.url: str = json.loads(self._process.stdout.readline())["url"]
        self._conversations: list[Json] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def says(self, *conversations: Json) -> None:
        """Add conversations; see the docstring of tests.fake_openai."""
        self._conversations += conversations
        self._ask("/_script", {"conversations": self._conversations})

    def first(self, *conversations: Json) -> None:
        """Put conversations before all others: the first that matches is taken."""
        self._conversations = [*conversations, *self._conversations]
        self.says()

    def requests(self, text: str = "", *, bodies: bool = False) -> list[Json]:
        """The requests whose user message contains the text, in order."""
        found: list[Json] = self._ask(f"/_requests{'?bodies=1' if bodies else ''}")["requests"]
        return [request for request in found if text in request["input"]]

    def ended(self, text: str) -> list[Json]:
        """Those of these requests that are over, with or without an answer."""
        return [request for request in self.requests(text) if request["ended_at"]]

    def _ask(self, path: str, body: Json | None = None) -> Json:
        root = self.url.removesuffix("/v1")
        data = None if body is None else json.dumps(body).encode()
        method = "GET" if body is None else "POST"
        request = urllib.request.Request(root + path, data, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            said: Json = json.load(answer)
        return said

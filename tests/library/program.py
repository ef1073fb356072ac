"""A driven program, seen from its test."""

from __future__ import annotations

import json
import os
import secrets
from typing import Any

from tests import warm
from tests.campaign.installation import KEY, Installation
from tests.stack import ROOT


class Raised(Exception):
    """What the program raised: the name of its class, its message and its attributes."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer["message"])
        self.name: str = answer["error"]
        self.about: dict[str, Any] = answer["about"]


class Program:
    """A process of `tests.library.driver` on an installation."""

    def __init__(self, engine: Installation, **environment: str) -> None:
        self._log = engine.stack.home / f"program-{secrets.token_hex(4)}.log"
        own = engine.stack.environment | {"PYTHONPATH": str(ROOT), "OPENAI_API_KEY": KEY}
        own |= {"TIMESTEP_CODE": "tests"} | environment
        own.pop("DJANGO_SETTINGS_MODULE", None)
        theirs, ours = os.pipe()
        self._asks = os.fdopen(ours, "w")
        ours, answers = os.pipe()
        self._answers = os.fdopen(ours)
        with (
            self._log.open("w") as log,
            os.fdopen(theirs) as asked,
            os.fdopen(answers, "w") as said,
        ):
            files = (asked.fileno(), said.fileno(), log.fileno())
            words = ["-m", "tests.library.driver"]
            self.process = warm.start(words, own, files, cwd=engine.stack.home)

    def ready(self) -> Program:
        """The program, once it is launched."""
        assert self._read() == {"ready": True}
        return self

    def call(self, name: str, /, **arguments: Any) -> Any:
        """What a scenario gives; raises `Raised` where it raised."""
        self.begin(name, **arguments)
        return self.result()

    def begin(self, name: str, /, **arguments: Any) -> None:
        """Call a scenario without waiting for it."""
        self._asks.write(json.dumps({"call": name, "arguments": arguments}) + "\n")
        self._asks.flush()

    def result(self) -> Any:
        """What the scenario begun gives."""
        answer = self._read()
        if "error" in answer:
            raise Raised(answer)
        return answer["result"]

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()
        self.close()

    def close(self) -> int:
        """Let it end by itself; its exit code."""
        self._asks.close()
        code = self.process.wait(60)
        self._answers.close()
        return code

    def log(self) -> str:
        """What it wrote to standard error."""
        return self._log.read_text()

    def _read(self) -> dict[str, Any]:
        line = self._answers.readline()
        assert line, f"the program ended:\n{self.log()[-4000:]}"
        answer: dict[str, Any] = json.loads(line)
        return answer

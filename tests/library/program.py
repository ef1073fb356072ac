"""A driven program, seen from its test."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from typing import Any

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
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.library.driver"],
                cwd=engine.stack.home,
                env=own,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

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
        assert self.process.stdin is not None
        line = json.dumps({"call": name, "arguments": arguments})
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

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
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        code = self.process.wait(60)
        self.process.stdout.close()
        return code

    def log(self) -> str:
        """What it wrote to standard error."""
        return self._log.read_text()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the program ended:\n{self.log()[-4000:]}"
        answer: dict[str, Any] = json.loads(line)
        return answer

"""Sites of two sizes, each in a process of its own, asked by turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Site:
    """A process that holds one database and answers how long each address takes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def names(self) -> list[str]:
        """The names of what it can be asked, once it is ready."""
        names: list[str] = json.loads(self._line())
        return names

    def ask(self, name: str) -> float:
        """Milliseconds for one of them."""
        assert self._process.stdin is not None
        self._process.stdin.write(name + "\n")
        self._process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@contextmanager
def site(module: str, variable: str, size: int) -> Iterator[Site]:
    """The benchmark of this module in a process of its own, told the size by a variable."""
    command = [sys.executable, "-m", module]
    pipe = subprocess.PIPE
    environment = os.environ | {variable: str(size)}
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True) as process:
        yield Site(process)
        assert process.stdin is not None
        process.stdin.close()


def timed(client: Any, address: str) -> float:
    """Milliseconds for one address."""
    started = time.perf_counter()
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    return (time.perf_counter() - started) * 1000


def signed_in_client() -> Any:
    """A person who may do everything, after `django.setup()`."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415 - after django.setup()
    from django.test import Client  # noqa: PLC0415

    person = get_user_model().objects.create_superuser("benchmark", password="benchmark")
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    return client

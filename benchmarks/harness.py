"""What the benchmarks share: an installation on each database, percentiles, and verdicts."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.databases import postgres_database, postgres_server
from tests.stack import Stack

DATABASES = ("sqlite", "postgres")
_CHOSEN = "BENCHMARK_DATABASE"


@contextmanager
def installation(database: str, **environment: str) -> Iterator[Stack]:
    """An installation of its own, migrated, with the tools published; nothing runs yet."""
    with tempfile.TemporaryDirectory(prefix="timestep-bench-") as directory:
        home = Path(directory) / "home"
        home.mkdir()
        with _uri(database) as uri:
            stack = Stack(home=home, postgres_uri=uri, extra=environment)
            stack.manage("migrate", "-v0", timeout=120)
            stack.manage("tools", "sync")
            try:
                yield stack
            finally:
                stack.stop()


@contextmanager
def _uri(database: str) -> Iterator[str | None]:
    if database == "sqlite":
        yield None
        return
    with postgres_server() as server, postgres_database(server) as uri:
        yield uri


def use_django(stack: Stack) -> None:
    """Set this process up on the installation's database, once."""
    os.environ.update(stack.environment)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timestep_site.settings")
    import django  # noqa: PLC0415 - after the environment says which database

    django.setup()


def each_database(module: str, description: str | None, measure: Callable[[str], None]) -> None:
    """Measure on the databases that the command line names, each in a process of its own.

    Django settles on one database for the life of a process, so this one starts itself again.
    """
    if database := os.environ.get(_CHOSEN):
        measure(database)
        return
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    chosen = parser.parse_args().database
    failed = 0
    for database in DATABASES if chosen == "both" else (chosen,):
        print(f"--- {database}", flush=True)
        command = [sys.executable, "-m", module]
        failed |= subprocess.run(
            command, env=os.environ | {_CHOSEN: database}, check=False
        ).returncode
    sys.exit(failed)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * (len(ordered) - 1)))]


class Verdicts:
    """Prints each figure beside its bound, and says at the end whether all held."""

    def __init__(self) -> None:
        self._failed = 0

    def at_most(self, what: str, value: float, bound: float, unit: str) -> None:
        """A figure that must not exceed its bound."""
        self._say(what, value, bound, unit, "<=", value <= bound)

    def at_least(self, what: str, value: float, bound: float, unit: str) -> None:
        """A figure that must reach its bound."""
        self._say(what, value, bound, unit, ">=", value >= bound)

    def _say(self, what: str, value: float, bound: float, unit: str, sign: str, held: bool) -> None:
        self._failed += not held
        verdict = "PASS" if held else "FAIL"
        print(f"{verdict}  {what}: {value:.3g} {unit} ({sign} {bound:g})", flush=True)

    def exit(self) -> None:
        """End the process: 1 if any figure missed its bound."""
        sys.exit(1 if self._failed else 0)


def spread(values: Sequence[float]) -> str:
    """Median and tail, for people."""
    p50, p99 = percentile(values, 50), percentile(values, 99)
    return f"n={len(values)} p50={p50:.1f} p99={p99:.1f} mean={statistics.mean(values):.1f}"

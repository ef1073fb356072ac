"""The campaign of decisions: people at the same moment, and workers that die once they decided.

    python -m tests.campaign.races --database sqlite|postgres|both --seed 7
    python -m tests.campaign.races --races 1000 --mixed 300 --kills 60

Three parts, each seeded: races of 2 to 50 people who approve and reject plain requests, through
the services and through the pages; races under policies of everything that can happen to a
request; and real workers that are killed between a decision and what follows from it. In the end
every rule must hold: one outcome, one resumed segment, losers who know whose decision stands, no
decision lost, no call made twice, an audit trail that is whole. Each rule that does not hold is
printed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from tests.campaign.ground import set_up, tell

DATABASES = ("sqlite", "postgres")
PARTS = {"races": 1000, "mixed": 300, "kills": 60}


def run_on(database: str, wanted: dict[str, int], seed: int) -> int:
    """Run the campaign on one database and print what came out; the exit code."""
    home = set_up(database)
    # Imported here: these modules need a Django that is set up.
    from tests.campaign.deaths import Deaths, leave_nothing  # noqa: PLC0415
    from tests.campaign.installation import django_on, installation  # noqa: PLC0415
    from tests.databases import postgres_server  # noqa: PLC0415

    report: dict[str, Any] = {"database": database, "seed": seed}
    rng = random.Random(seed)
    with ExitStack() as cleanup:
        server = cleanup.enter_context(postgres_server()) if database == "postgres" else None
        engine = cleanup.enter_context(installation(home, server))
        cleanup.enter_context(django_on(engine.stack))
        found, broken = races(rng, wanted["races"], wanted["mixed"])
        report |= found
        leave_nothing()
        deaths = Deaths(engine, rng)
        broken += deaths.run(wanted["kills"])
        report |= deaths.numbers()
    return tell(report, broken, home)


def races(rng: random.Random, plain: int, mixed: int) -> tuple[dict[str, Any], list[str]]:
    """Hold so many races on Django's database, on which no worker runs.

    Returns:
        Figures, and the broken rules.
    """
    from approvals.models import AuditEntry  # noqa: PLC0415 - needs a Django that is set up
    from approvals.services.audit import verify  # noqa: PLC0415
    from tests.campaign.crowd import crowd  # noqa: PLC0415
    from tests.campaign.mixed_races import mixed_race, policies  # noqa: PLC0415
    from tests.campaign.plain_races import plain_race  # noqa: PLC0415

    people = crowd()
    report, broken = _held("races", plain, lambda: plain_race(people, rng))
    policies()
    more, broken_too = _held("mixed", mixed, lambda: mixed_race(people, rng))
    chain = verify()
    broken += broken_too + [f"the audit trail: {one}" for one in chain.problems]
    acts = Counter(AuditEntry.objects.values_list("act", flat=True))
    return report | more | {"audit_entries": chain.entries, "acts": dict(acts)}, broken


def _held(
    name: str, count: int, race: Callable[[], tuple[int, Sequence[str]]]
) -> tuple[dict[str, Any], list[str]]:
    began, people = time.monotonic(), 0
    broken: list[str] = []
    for _ in range(count):
        took_part, lines = race()
        people += took_part
        broken += lines
    seconds = round(time.monotonic() - began, 1)
    # At once: what comes after it takes long.
    sys.stdout.write(f"{name}: {count} with {people} people in {seconds} s, {len(broken)} broken\n")
    sys.stdout.flush()
    return {name: count, f"{name}_people": people, f"{name}_s": seconds}, broken


def main() -> int:
    """Read the arguments; each database gets a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.races")
    parser.add_argument("--database", choices=(*DATABASES, "both"), default="both")
    for part, count in PARTS.items():
        parser.add_argument(f"--{part}", type=int, default=count)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    wanted = {part: getattr(given, part) for part in PARTS}
    if given.database != "both":
        return run_on(given.database, wanted, given.seed)
    words = [sys.executable, "-m", "tests.campaign.races", "--seed", str(given.seed)]
    words += [word for part, count in wanted.items() for word in (f"--{part}", str(count))]
    started = [subprocess.Popen([*words, "--database", name]) for name in DATABASES]
    return max(process.wait() for process in started)


if __name__ == "__main__":
    sys.exit(main())

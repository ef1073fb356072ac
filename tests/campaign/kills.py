"""The campaign: runs that do everything, on workers that are killed at seeded random moments.

    python -m tests.campaign.kills --database sqlite|postgres|both --kills 30 --seed 7
    python -m tests.campaign.kills --scenario everything --kills 60

The scenario `definitions` runs agent definitions; `everything` an agent made in code that has all
there is in it: guardrails, MCP servers, nested agents, functions, structured output.

On SQLite the killed worker is started again; on Postgres there are two, and the other one takes
over. In the end every rule of `tests.campaign.checks` must hold; each that does not is printed,
and the exit code is 1.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from contextlib import ExitStack

from tests.campaign.ground import set_up, tell

NAMES = {"sqlite": ["worker-a"], "postgres": ["worker-a", "worker-b"]}


SCENARIOS = ("definitions", "everything")


def run_on(database: str, scenario: str, kills: int, seed: int) -> int:
    """Run the campaign on one database and print what came out; the exit code."""
    home = set_up(database)
    # Imported here: these modules need a Django that is set up.
    from tests.campaign.campaign import Campaign, numbers  # noqa: PLC0415
    from tests.campaign.everything import EVERYTHING  # noqa: PLC0415
    from tests.campaign.installation import django_on, installation  # noqa: PLC0415
    from tests.campaign.scenario import DEFINITIONS  # noqa: PLC0415
    from tests.databases import postgres_server  # noqa: PLC0415

    started = time.monotonic()
    with ExitStack() as cleanup:
        server = cleanup.enter_context(postgres_server()) if database == "postgres" else None
        engine = cleanup.enter_context(installation(home, server))
        cleanup.enter_context(django_on(engine.stack))
        runs = EVERYTHING if scenario == "everything" else DEFINITIONS
        cleanup.enter_context(runs.around(engine))
        campaign = Campaign(engine, NAMES[database], random.Random(seed), runs)
        broken = campaign.run(kills)
        report = {"database": database, "scenario": scenario, "seed": seed, **numbers(campaign)}
    report |= {"seconds": round(time.monotonic() - started)}
    return tell(report, broken, home)


def main() -> int:
    """Read the arguments; each database gets a process of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.kills")
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--scenario", choices=SCENARIOS, default=SCENARIOS[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    if given.database != "both":
        return run_on(given.database, given.scenario, given.kills, given.seed)
    words = [sys.executable, "-m", "tests.campaign.kills", "--kills", str(given.kills)]
    words += ["--seed", str(given.seed), "--scenario", given.scenario, "--database"]
    # At the same time: both wait more than they work.
    started = [subprocess.Popen([*words, database]) for database in NAMES]
    return max(process.wait() for process in started)


if __name__ == "__main__":
    sys.exit(main())

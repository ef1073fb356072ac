"""The campaign of zombies: workers that stand still until others have gone on, and then wake up.

    python -m tests.campaign.zombies --database postgres --zombies 100

Runs make calls that must not be repeated, on several workers. Each zombie is a worker that is
stopped (SIGSTOP): after a call's "started" was committed and before the call; inside a transaction
that holds a run's row; right before a model call; or at a random moment. Others take its runs over,
a person answers "run it again" where asked, and those runs end. Then it goes on (SIGCONT), must
find out by itself, do nothing more, and end. What does not hold is printed, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from contextlib import ExitStack

from tests.campaign.ground import set_up, tell


def run_campaign(zombies: int, seed: int) -> int:
    """Run it on Postgres and print what came out; the exit code."""
    home = set_up("zombies")
    # Imported here: these modules need a Django that is set up.
    from tests.campaign.installation import django_on, installation  # noqa: PLC0415
    from tests.campaign.undead import Undead, numbers  # noqa: PLC0415
    from tests.databases import postgres_server  # noqa: PLC0415

    started = time.monotonic()
    with ExitStack() as cleanup:
        engine = cleanup.enter_context(installation(home, cleanup.enter_context(postgres_server())))
        cleanup.enter_context(django_on(engine.stack))
        campaign = Undead(engine, random.Random(seed))
        broken = campaign.run(zombies)
        report = numbers(campaign) | {"seed": seed, "broken": len(broken)}
    report |= {"seconds": round(time.monotonic() - started)}
    return tell(report, broken, home)


def main() -> int:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.zombies")
    # On SQLite there is one worker: nobody takes over from one that stands still.
    parser.add_argument("--database", choices=("postgres",), default="postgres")
    parser.add_argument("--zombies", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    return run_campaign(given.zombies, given.seed)


if __name__ == "__main__":
    sys.exit(main())

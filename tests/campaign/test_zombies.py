"""Zombies in short, for every push; `python -m tests.campaign.zombies` is the long form."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.stack import ROOT

# One at each moment at which the outcome is sure.
ZOMBIES = 4


@pytest.mark.postgres_only
@pytest.mark.django_db
@pytest.mark.timeout(400)
def test_a_worker_that_stood_still_does_nothing_twice() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaign.zombies", "--zombies", str(ZOMBIES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]

"""A queue's limits in short, for every push; `python -m tests.campaign.queue_load` is long."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.stack import ROOT

GIVEN = {"runs": 45, "workers": 2, "limit": 15, "period": 3, "concurrency": 12, "rate": 0.3}


@pytest.mark.postgres_only
@pytest.mark.django_db
@pytest.mark.timeout(400)
def test_no_window_holds_more_than_the_limit_and_no_run_is_lost_or_doubled() -> None:
    words = [word for name, value in GIVEN.items() for word in (f"--{name}", str(value))]
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaign.queue_load", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]

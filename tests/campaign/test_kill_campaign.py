"""The campaign in short, for every push; `python -m tests.campaign.kills` is the long form."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.stack import ROOT

KILLS = {"definitions": 2, "everything": 1}


@pytest.mark.timeout(500)
@pytest.mark.parametrize("scenario", KILLS)
def test_nothing_is_lost_or_done_twice(request: pytest.FixtureRequest, scenario: str) -> None:
    database = request.config.getoption("--database")
    words = ["-m", "tests.campaign.kills", "--database", database, "--scenario", scenario]
    words += ["--kills", str(KILLS[scenario])]
    done = subprocess.run(
        [sys.executable, *words, "--seed", "11"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]

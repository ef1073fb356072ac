"""Workers that die once people have decided; `python -m tests.campaign.races` is the long form."""

from __future__ import annotations

import random

import pytest

from tests.campaign.deaths import Deaths
from tests.campaign.installation import Installation


@pytest.mark.timeout(300)
def test_no_decision_is_lost_and_no_call_made_twice(engine: Installation) -> None:
    deaths = Deaths(engine, random.Random(5))
    assert deaths.run(1) == []
    assert deaths.numbers()["kills"] == 1

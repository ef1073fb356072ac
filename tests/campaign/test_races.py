"""The races in short, for every push; `python -m tests.campaign.races` is the long form."""

from __future__ import annotations

import random

import pytest

from tests.campaign.races import races


@pytest.mark.django_db(transaction=True)
def test_each_race_has_one_outcome_that_everybody_knows() -> None:
    numbers, broken = races(random.Random(11), plain=3, mixed=6)
    assert broken == []
    assert numbers["acts"]["approval.decided"] >= 3

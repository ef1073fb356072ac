"""Time zones: canonical names only, and the right name where another was given."""

from __future__ import annotations

from zoneinfo import available_timezones

import pytest

from timestep.conf import BadSetting, time_zone
from timestep.errors import InvalidInput
from timestep.services.schedule_checks import checked_field
from timestep.zones import canonical_name, canonical_names, fault_of, old_names


@pytest.mark.parametrize(
    "name",
    ["UTC", "Etc/UTC", "Etc/GMT+5", "Europe/Berlin", "Europe/Amsterdam", "Asia/Kolkata",
     "America/Argentina/Buenos_Aires", "America/Indiana/Knox", "Pacific/Kiritimati"],
)  # fmt: skip
def test_a_canonical_zone_is_taken(name: str) -> None:
    assert checked_field("timezone", name) == name


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("US/Pacific", "America/Los_Angeles"),
        ("GB", "Europe/London"),
        ("EST5EDT", "America/New_York"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("right/Europe/Berlin", "Europe/Berlin"),
        ("posix/US/Eastern", "America/New_York"),
        ("Zulu", "UTC"),
    ],
)
def test_another_name_of_a_zone_is_refused_with_the_right_one(name: str, right: str) -> None:
    with pytest.raises(InvalidInput, match=f"use {right}$") as refused:
        checked_field("timezone", name)
    assert refused.value.field == "timezone"


@pytest.mark.parametrize(
    "name",
    ["localtime", "Factory", "posixrules", "right/Factory", "posix/localtime", "Mars/Olympus", "",
     "../../etc/passwd", "europe/berlin", "Europe/Berlin\x00", "\ud83d", 7, None],
)  # fmt: skip
def test_what_is_no_zone_is_refused(name: object) -> None:
    with pytest.raises(InvalidInput, match="for example Europe/Berlin"):
        checked_field("timezone", name)


def test_every_name_of_this_machine_is_canonical_or_has_a_canonical_one() -> None:
    for name in available_timezones() - {"localtime", "posixrules", "Factory"}:
        assert canonical_name(name) in canonical_names(), name
    assert not canonical_names() & old_names().keys()
    assert [name for name in canonical_names() if fault_of(name)] == []


def test_the_sites_zone_is_a_canonical_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMESTEP_TIME_ZONE", "Europe/Vienna")
    assert time_zone() == "Europe/Vienna"
    monkeypatch.setenv("TIMESTEP_TIME_ZONE", "US/Eastern")
    with pytest.raises(BadSetting, match=r"TIMESTEP_TIME_ZONE .*use America/New_York"):
        time_zone()

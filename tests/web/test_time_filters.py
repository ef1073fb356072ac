"""Times that are typed into filters are the viewer's; in an address they are everybody's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client

from tests.workflows.rows import run as make_run

pytestmark = pytest.mark.django_db
BERLIN, TEHRAN = "Europe/Berlin", "Asia/Tehran"


def _typed(client: Client, **sent: str) -> Any:
    """The filter form, sent."""
    return client.get("/runs/", sent)


def _kept(answer: Any) -> dict[str, str]:
    """The filters in the address that it leads to."""
    assert answer.status_code == 302
    return dict(parse_qsl(urlsplit(answer["Location"]).query))


@pytest.mark.parametrize(
    ("zone", "typed", "kept"),
    [
        (BERLIN, {"created_from": "2026-01-31T08:30"}, "2026-01-31T07:30:00Z"),
        (BERLIN, {"created_from": "2026-07-31 08:30"}, "2026-07-31T06:30:00Z"),
        (TEHRAN, {"finished_from": "2026-01-31"}, "2026-01-30T20:30:00Z"),
        (TEHRAN, {"finished_to": "2026-01-31"}, "2026-01-31T20:30:00Z"),  # the day is in it
        ("UTC", {"created_to": "2026-01-31T08:30:15"}, "2026-01-31T08:30:15Z"),
        (BERLIN, {"created_from": "2026-01-31T08:30+05:00"}, "2026-01-31T03:30:00Z"),
        (BERLIN, {"created_from": "2026-01-31T08:30 05:00"}, "2026-01-31T03:30:00Z"),  # a lost +
    ],
)
def test_a_time_is_read_in_the_zone_that_its_field_names(
    owner: Client, zone: str, typed: dict[str, str], kept: str
) -> None:
    assert _kept(_typed(owner, zone=zone, **typed)) == {next(iter(typed)): kept}


def test_the_zone_is_the_browsers_and_is_named_beside_the_field(owner: Client) -> None:
    assert '<small class="zone"' in owner.get("/runs/").content.decode()
    owner.cookies["timestep-zone"] = TEHRAN
    page = owner.get("/runs/?created_from=2026-01-31T05:00:00Z").content.decode()
    assert page.count(f">{TEHRAN}</small>") == 4
    assert f'name="zone" value="{TEHRAN}"' in page
    assert 'value="2026-01-31T08:30"' in page
    assert _kept(owner.get("/runs/?created_from=2026-01-31")) == {
        "created_from": "2026-01-30T20:30:00Z"
    }


@pytest.mark.parametrize(
    "cookie", ["Mars/Base", "../etc/passwd", "right/UTC", "localtime", "x" * 99]
)
def test_a_cookie_that_is_no_zone_leaves_the_sites(owner: Client, cookie: str) -> None:
    owner.cookies["timestep-zone"] = cookie
    assert ">UTC</small>" in owner.get("/runs/").content.decode()


def test_an_address_means_the_same_in_every_zone_and_pages_keep_it(owner: Client) -> None:
    for number in range(60):
        make_run(f"in{number:02}", created_at=datetime(2026, 1, 31, 8, number, tzinfo=UTC))
    make_run("before", created_at=datetime(2026, 1, 31, 7, 59, tzinfo=UTC))
    address = "/runs/?created_from=2026-01-31T08%3A00%3A00Z"
    for zone in (BERLIN, TEHRAN):
        owner.cookies["timestep-zone"] = zone
        page = owner.get(address).content.decode()
        assert "created_from=2026-01-31T08%3A00%3A00Z&amp;after=" in page
        assert 'title="in10"' in page
        assert 'title="before"' not in page


@pytest.mark.parametrize(
    ("typed", "kept", "said"),
    [
        ("2026-03-29T02:30", "2026-03-29T01:30:00Z", "03:30 was taken"),
        ("2026-10-25T02:30", "2026-10-25T00:30:00Z", "+01:00 after the time means the second"),
        ("2026-10-25T02:30+01:00", "2026-10-25T01:30:00Z", ""),
    ],
)
def test_what_the_clocks_skip_or_show_twice_is_said(
    owner: Client, typed: str, kept: str, said: str
) -> None:
    owner.cookies["timestep-zone"] = BERLIN
    answer = _typed(owner, zone=BERLIN, created_from=typed)
    assert _kept(answer) == {"created_from": kept}
    page = owner.get(answer["Location"]).content.decode()
    assert said in page
    # The field reads back as the same moment, so that other filters can be changed beside it.
    shown = page.split('name="created_from"')[1].split('value="')[1].split('"')[0]
    assert _kept(_typed(owner, zone=BERLIN, created_from=shown)) == {"created_from": kept}


def test_what_is_no_time_or_no_zone_is_named(owner: Client) -> None:
    page = _typed(owner, zone=BERLIN, finished_to="25:00")
    assert page.status_code == 400
    assert "Ended before: <strong>finished_to</strong> must be a date" in page.content.decode()
    assert 'value="25:00"' in page.content.decode()
    page = _typed(owner, zone="Mars/Base", finished_to="2026-01-31")
    assert "Time zone: <strong>zone</strong>" in page.content.decode()

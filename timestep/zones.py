"""Time zones by their canonical names, as the tz database itself has them.

The database also carries names of machines (`localtime`, `posixrules`), copies that count leap
seconds (`right/…`), and old names that are links to others (`US/Pacific`, `GB`). A schedule under
one of those is due when somebody's machine thinks so, or loses its zone with the next release of
the database.
"""

from __future__ import annotations

import functools
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC = "UTC"
_COPIES = ("right/", "posix/")
# Where the database was built with old data these are zones, and links elsewhere.
_OLD = {
    "EST5EDT": "America/New_York",
    "CST6CDT": "America/Chicago",
    "MST7MDT": "America/Denver",
    "PST8PDT": "America/Los_Angeles",
    "Etc/UTC": UTC,
}


@functools.cache
def canonical_names() -> frozenset[str]:
    """Every name that is a zone's own: those of places, `Etc/GMT` with its offsets, and UTC.

    Source: `zone.tab` has one name for each place and country, also where the clocks of one are
    a link to those of another (Europe/Amsterdam); `tzdata.zi` has the zones that are no place's.
    """
    lines = _read("zone.tab").splitlines()
    places = {line.split("\t")[2] for line in lines if line and not line.startswith("#")}
    zones = {line.split()[1] for line in _read("tzdata.zi").splitlines() if line.startswith("Z ")}
    return frozenset({*places, *(zone for zone in zones if zone.startswith("Etc/")), UTC})


@functools.cache
def old_names() -> dict[str, str]:
    """The canonical name of each name that is only a link to it, or that another replaced."""
    split = (line.split() for line in _read("tzdata.zi").splitlines() if line.startswith("L "))
    links = {link: target for _, target, link in split} | _OLD
    found = {}
    for link in links.keys() - canonical_names():
        target = links[link]
        while target not in canonical_names():
            target = links[target]
        found[link] = _OLD.get(target, target)
    return found


def canonical_name(name: str) -> str | None:
    """The canonical name of a zone that has this name, or None where there is no such zone."""
    for copy in _COPIES:
        name = name.removeprefix(copy)
    return name if name in canonical_names() else old_names().get(name)


def fault_of(name: str) -> str | None:
    """What is wrong with a zone's name, and the mend; None where it is a canonical one."""
    if name in canonical_names() and zone_of(name) is not None:
        return None
    shown, canonical = repr(name[:40]), canonical_name(name)
    if canonical is None or zone_of(canonical) is None:
        return f"{shown} is no time zone; for example Europe/Berlin, UTC"
    return f"{shown} is another name of the time zone {canonical}; use {canonical}"


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone with this name, canonical or not; None where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _read(name: str) -> str:
    return resources.files("tzdata.zoneinfo").joinpath(name).read_text("utf-8")

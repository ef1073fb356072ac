"""The time zone of the person who looks: their browser says it (static/timestep/theme.js)."""

from __future__ import annotations

import re
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest
from django.utils import timezone

from timestep.errors import InvalidInput

COOKIE = "timestep-zone"
# The names that browsers give; what else the files of a machine hold is no zone of anybody.
_NAME = re.compile(r"UTC|(?!posix/|right/)[A-Za-z_]{1,40}(?:/[A-Za-z0-9_+-]{1,40}){1,2}")


def viewer_zone(request: HttpRequest) -> tzinfo:
    """The viewer's zone; the site's where no script has said another."""
    return _named(request.COOKIES.get(COOKIE, "")) or timezone.get_current_timezone()


def sent_zone(request: HttpRequest) -> tzinfo:
    """The zone that the form of a request was shown in; else the viewer's.

    Raises:
        InvalidInput: The request names one that is none.
    """
    name = request.GET.get("zone", "")
    if not name:
        return viewer_zone(request)
    zone = timezone.get_current_timezone()
    if name == str(zone):
        return zone
    found = _named(name)
    if found is None:
        raise InvalidInput("zone", "is no time zone; for example Europe/Berlin")
    return found


def _named(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if _NAME.fullmatch(name) else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None

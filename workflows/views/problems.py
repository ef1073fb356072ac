"""What is answered where no view could."""

from __future__ import annotations

import logging
import sys

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import add_never_cache_headers

from timestep.outages import outage

logger = logging.getLogger(__name__)

RELOAD_SECONDS = 5


def broken(request: HttpRequest) -> HttpResponse:
    """The page for an error that nobody caught: 503 while the database cannot be used, else 500.

    Neither page reads the database, nor knows who asks.
    """
    error = sys.exc_info()[1]
    found = outage(error)
    if found is None:
        return HttpResponse(render_to_string("500.html"), status=500)
    logger.warning("%s was answered with 503: %s", request.path, error)
    reloads = request.method in ("GET", "HEAD")
    context = {"seconds": RELOAD_SECONDS, "reloads": reloads, "found": found}
    answer = HttpResponse(render_to_string("503.html", context), status=503)
    answer["Retry-After"] = str(RELOAD_SECONDS)
    add_never_cache_headers(answer)
    return answer

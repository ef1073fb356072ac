"""The site's pages in a browser without a server: Django answers each request where it is made."""

from __future__ import annotations

import functools
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

ORIGIN = "http://testserver"
_KEPT = ("content-type", "location", "x-frame-options", "content-security-policy")


class Site:
    """A browser that is signed in as a user of the test's own database.

    Args:
        browser: Where the pages open.
        user: Who looks.
    """

    def __init__(self, browser: Browser, user: User) -> None:
        self._browser = browser
        self._client = Client()
        self._client.force_login(user)

    def page(self, **options: Any) -> Page:
        """A page in a context of its own, for example with `color_scheme`, `viewport`."""
        context = self._browser.new_context(base_url=ORIGIN, **options)
        context.route("**/*", self._answer)
        return context.new_page()

    def _answer(self, route: Route) -> None:
        asked = route.request
        url = urlsplit(asked.url)
        if url.path.startswith(settings.STATIC_URL):
            return _static(route, url.path.removeprefix(settings.STATIC_URL))
        address = url.path + (f"?{url.query}" if url.query else "")
        headers = {name: asked.headers[name] for name in ("hx-request",) if name in asked.headers}
        if asked.method == "POST":
            kind = asked.headers.get("content-type", "")
            body = asked.post_data_buffer or b""
            answer = self._client.generic("POST", address, body, kind, headers=headers)
        else:
            answer = self._client.get(address, headers=headers)
        while answer.status_code in (301, 302):  # A redirect would leave this browser's routes.
            answer = self._client.get(answer["Location"])
        kept = {name: value for name, value in answer.items() if name.lower() in _KEPT}
        return route.fulfill(status=answer.status_code, headers=kept, body=answer.getvalue())


def _static(route: Route, name: str) -> None:
    body = _content(name)
    if body is None:
        return route.fulfill(status=404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return route.fulfill(body=body, content_type=kind)


@functools.cache
def _content(name: str) -> bytes | None:
    # Kept: a browser whose requests are answered here asks for it again with each page.
    found = finders.find(name)
    return Path(found).read_bytes() if isinstance(found, str) else None

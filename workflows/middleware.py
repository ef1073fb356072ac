"""What is done around every request: static files, the Content Security Policy, and masking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

from timestep.masked_html import masked_html
from timestep.sealing import opened_link, sealed_link

# `'self'` covers websockets to the page's own origin. Styles set by scripts through the CSSOM are
# allowed by every policy; inline style and script are not.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class ContentSecurityPolicy:
    """Add the policy to every answer that has none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, and mark the answer."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class Masking:
    """Mask every page that leaves, and open the sealed ids of the links that come back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, and look at what comes out."""
        if "sealed." in request.get_full_path():
            request.path_info = unquote(opened_link(quote(request.path_info)))
            request.path = unquote(opened_link(quote(request.path)))
            request.META["QUERY_STRING"] = opened_link(request.META.get("QUERY_STRING", ""))
        response = self.get_response(request)
        kind = response.get("Content-Type", "")
        if not response.streaming and kind.startswith("text/html"):
            html = response.content.decode(response.charset)
            shown = masked_html(html)
            if shown is not html:
                response.content = shown.encode(response.charset)
        if "Location" in response.headers:
            response.headers["Location"] = sealed_link(response.headers["Location"])
        return response


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise, answering with the whole file instead of a stream.

    Under ASGI Django reads a synchronous stream whole all the same, and warns about it each time.
    """

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponseBase:
        """Answer from the file on disk, with WhiteNoise's status and headers."""
        found = static_file.get_response(request.method, request.META)
        body = b""
        if found.file is not None:
            with found.file as file:
                body = file.read()
        return HttpResponse(body, status=int(found.status), headers=dict(found.headers))

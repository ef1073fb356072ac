"""What is known of whoever asks, for the audit trail."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from approvals.services.addresses import acting_from


class ClientAddress:
    """Let the audit trail know the address that a request came from."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        with acting_from(_address_of(request)):
            return self.get_response(request)


def _address_of(request: HttpRequest) -> str:
    """The client's address: as a trusted proxy says, else whoever is at the other end."""
    if settings.TIMESTEP_TRUSTED_PROXY:
        # The first of several, as the web server reads it.
        said: str = request.headers.get("X-Forwarded-For", "").split(",")[0]
        if said.strip():
            return said
    address: str = request.META.get("REMOTE_ADDR") or ""
    return address

"""System checks: settings that are fine alone and wrong together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks

TAG = "timestep"


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Every wrong combination that the environment holds."""
    return [*_proxy(), *_email()]


def _proxy() -> Iterator[checks.CheckMessage]:
    if settings.TIMESTEP_TRUSTED_PROXY and not settings.SECURE:
        yield checks.Warning(
            "TIMESTEP_TRUSTED_PROXY is set, and TIMESTEP_PUBLIC_URL is not an https address.",
            hint="Set TIMESTEP_PUBLIC_URL to the address that the proxy serves.",
            id="timestep.W001",
        )


def _email() -> Iterator[checks.CheckMessage]:
    if settings.EMAIL_HOST and not os.environ.get("TIMESTEP_EMAIL_FROM"):
        yield checks.Warning(
            "TIMESTEP_EMAIL_URL is set, and TIMESTEP_EMAIL_FROM is not: letters come from "
            f"{settings.DEFAULT_FROM_EMAIL}, which servers refuse.",
            hint="Set TIMESTEP_EMAIL_FROM to the sender's address.",
            id="timestep.W002",
        )

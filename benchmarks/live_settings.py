"""The site's settings, served with the raw broadcast of `benchmarks.live_asgi` beside it."""

from timestep_site.settings import *  # noqa: F403

ASGI_APPLICATION = "benchmarks.live_asgi.application"

"""The ASGI application: HTTP and websockets."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "timestep_site.settings")
_pages = get_asgi_application()

# Only now: models can be imported once Django is set up.
from workflows.live.sockets import LiveApplication  # noqa: E402

application = ProtocolTypeRouter({"http": _pages, "websocket": LiveApplication()})

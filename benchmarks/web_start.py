"""From the start of a web process to its first answer, beside a bare project's.

    python -m benchmarks.web_start

The bare project is Django, Channels and daphne with the stock apps and one view. Both start by
turns, so that they share the machine's moods.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import Verdicts, installation, percentile, spread
from tests.stack import free_port

STARTS = 9

_BARE = """
import os
from django.conf import settings
settings.configure(
    DEBUG=False, SECRET_KEY="bare", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], USE_TZ=True,
    INSTALLED_APPS=["daphne", "django.contrib.admin", "django.contrib.auth",
        "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages",
        "django.contrib.staticfiles", "channels"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages"]}}],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["BARE_DB"]}},
    STATIC_URL="static/",
)
from django.core.asgi import get_asgi_application
http = get_asgi_application()
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib import admin
from django.http import JsonResponse
from django.urls import path
urlpatterns = [path("healthz", lambda request: JsonResponse({})), path("admin/", admin.site.urls)]
application = ProtocolTypeRouter({"http": http, "websocket": AuthMiddlewareStack(URLRouter([]))})
"""


def main() -> None:
    """Measure, print, and say whether the bound held."""
    verdicts = Verdicts()
    with installation("sqlite") as stack, tempfile.TemporaryDirectory() as directory:
        Path(directory, "bare.py").write_text(_BARE)
        bare_environment = os.environ | {
            "BARE_DB": f"{directory}/bare.sqlite3",
            "PYTHONPATH": directory,
        }
        bare: list[float] = []
        ours: list[float] = []
        for _ in range(STARTS):
            port = str(free_port())
            daphne = [sys.executable, "-m", "daphne", "-p", port, "bare:application"]
            bare.append(_time_to_answer(daphne, bare_environment, int(port)))
            web = [sys.executable, "manage.py", "web", "--port", str(stack.port)]
            ours.append(_time_to_answer(web, stack.environment, stack.port))
    print(f"bare project: {spread(bare)} ms")
    print(f"web process:  {spread(ours)} ms")
    ratio = percentile(ours, 50) / percentile(bare, 50)
    verdicts.at_most("web / bare, medians of start to first answer", ratio, 1.3, "times")
    verdicts.exit()


def _time_to_answer(command: list[str], environment: dict[str, str], port: int) -> float:
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _answers(port):
            assert process.poll() is None, f"{command} ended with {process.returncode}"
            time.sleep(0.01)
        return (time.perf_counter() - started) * 1000
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        asking.request("GET", "/healthz")
        return asking.getresponse().status == 200
    except OSError:
        return False
    finally:
        asking.close()


if __name__ == "__main__":
    main()

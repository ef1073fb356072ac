"""The site's settings, with a home of their own; nothing of the developer's environment counts."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

KEPT = ("TIMESTEP_REQUIRE_BROWSER", "TIMESTEP_REQUIRE_POSTGRES", "TIMESTEP_VENV")
OUTSIDE = ("PG_CONNECTION_URI", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OLLAMA_BASE_URL")

for name in list(os.environ):
    if name in OUTSIDE or (name.startswith("TIMESTEP_") and name not in KEPT):
        del os.environ[name]

_home = tempfile.mkdtemp(prefix="timestep-tests-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["TIMESTEP_HOME"] = _home

from timestep_site.settings import *  # noqa: E402, F403
from timestep_site.settings import DATABASES, TIMESTEP_HOME  # noqa: E402

# A file, not memory: threads with connections of their own see the same tables, as in real life.
DATABASES["default"]["TEST"] = {"NAME": str(TIMESTEP_HOME / "test.sqlite3")}
# The real ones are slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

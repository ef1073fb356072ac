"""What the settings make of the environment, in processes of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.stack import ROOT

SECURE_SETTINGS = (
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
)
# Made by `manage.py migrate` for its own child.
INTERNAL = {"TIMESTEP_ENGINE_DATABASE_URL"}
FOREIGN = ("TIMESTEP_", "PG_", "DJANGO_")
VARIABLE = re.compile(r"\b(?:TIMESTEP|PG|OPENAI|OLLAMA)_[A-Z0-9_]*[A-Z0-9]\b")


def run(home: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
    environment = kept | {"TIMESTEP_HOME": str(home)} | extra
    return subprocess.run(
        [sys.executable, *words],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def settings_with(home: Path, *names: str, **extra: str) -> dict[str, Any]:
    code = (
        "import json; from timestep_site import settings;"
        f"print(json.dumps({{n: getattr(settings, n, None) for n in {names!r}}}))"
    )
    done = run(home, "-c", code, **extra)
    assert not done.returncode, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_plain_http_needs_no_secure_cookies(tmp_path: Path) -> None:
    read = settings_with(
        tmp_path, *SECURE_SETTINGS, "ALLOWED_HOSTS", TIMESTEP_PUBLIC_URL="http://127.0.0.1:8000"
    )
    assert not any(read[name] for name in SECURE_SETTINGS)
    assert "127.0.0.1" in read["ALLOWED_HOSTS"]


def test_https_does(tmp_path: Path) -> None:
    read = settings_with(
        tmp_path,
        *SECURE_SETTINGS,
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        "SECURE_PROXY_SSL_HEADER",
        TIMESTEP_PUBLIC_URL="https://t.example.com:8443",
    )
    assert all(read[name] for name in SECURE_SETTINGS)
    assert "t.example.com" in read["ALLOWED_HOSTS"]
    assert "*" not in read["ALLOWED_HOSTS"]
    assert read["CSRF_TRUSTED_ORIGINS"] == ["https://t.example.com:8443"]
    assert read["SECURE_PROXY_SSL_HEADER"] is None


def test_proxy_headers_are_trusted_only_when_told(tmp_path: Path) -> None:
    read = settings_with(tmp_path, "SECURE_PROXY_SSL_HEADER", TIMESTEP_TRUSTED_PROXY="1")
    assert read["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]


def test_check_deploy_is_clean_on_https(tmp_path: Path) -> None:
    words = ("manage.py", "check", "--deploy", "--fail-level", "INFO")
    done = run(tmp_path, *words, TIMESTEP_PUBLIC_URL="https://t.example.com")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PG_CONNECTION_URI", "nonsense"),
        ("TIMESTEP_PUBLIC_URL", "nonsense"),
        ("TIMESTEP_TIME_ZONE", "nonsense"),
        ("TIMESTEP_HOME", "/dev/null/home"),
    ],
)
@pytest.mark.parametrize("command", ["up", "check"])
def test_a_bad_value_is_one_line(tmp_path: Path, variable: str, value: str, command: str) -> None:
    done = run(tmp_path, "manage.py", command, **{variable: value})
    assert done.returncode == 1
    assert done.stdout == ""
    assert re.fullmatch(rf"error: {variable} .+\n", done.stderr)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"TIMESTEP_TRUSTED_PROXY": "1"}, "timestep.W001"),
        ({"TIMESTEP_EMAIL_URL": "smtp://mail.example.com"}, "timestep.W002"),
    ],
)
def test_wrong_combinations_are_system_checks(
    tmp_path: Path, extra: dict[str, str], expected: str
) -> None:
    done = run(tmp_path, "manage.py", "check", "--fail-level", "WARNING", **extra)
    assert done.returncode == 1
    assert expected in done.stderr
    assert "HINT" in done.stderr
    assert next(iter(extra)) in done.stderr


def test_the_web_process_imports_neither_dbos_nor_agents(tmp_path: Path) -> None:
    code = "import sys, timestep_site.asgi; print({'dbos', 'agents'} & set(sys.modules))"
    done = run(tmp_path, "-c", code)
    assert done.stdout.strip() == "set()", done.stderr


def variables_read() -> set[str]:
    sources = [
        path
        for package in ("timestep", "approvals", "workflows", "timestep_site")
        for path in (ROOT / package).rglob("*.py")
    ]
    sources += (ROOT / "scripts").iterdir()
    return {name for path in sources for name in VARIABLE.findall(path.read_text())} - INTERNAL


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    documented = set(VARIABLE.findall((ROOT / "docs" / "settings.md").read_text()))
    of_tests = {"TIMESTEP_REQUIRE_BROWSER", "TIMESTEP_REQUIRE_POSTGRES", "PG_TEST_URI"}
    assert documented - of_tests == variables_read()

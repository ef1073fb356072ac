"""The readers of the environment: what they accept, and what they say about the rest."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from timestep import conf


@pytest.mark.parametrize(("word", "meaning"), [("1", True), ("Yes", True), ("off", False)])
def test_a_flag_is_a_word(monkeypatch: pytest.MonkeyPatch, word: str, meaning: bool) -> None:
    monkeypatch.setenv("TIMESTEP_TRUSTED_PROXY", word)
    assert conf.flag("TIMESTEP_TRUSTED_PROXY") is meaning


def test_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMESTEP_TRUSTED_PROXY", "maybe")
    with pytest.raises(conf.BadSetting, match="TIMESTEP_TRUSTED_PROXY is 'maybe'; set it to 1 or"):
        conf.flag("TIMESTEP_TRUSTED_PROXY")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMESTEP_TRUSTED_PROXY", "  ")
    assert conf.flag("TIMESTEP_TRUSTED_PROXY", default=True) is True


def test_the_home_lies_in_the_source_tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TIMESTEP_HOME")
    monkeypatch.chdir(tmp_path)
    assert conf.home() == conf.SOURCE_TREE / ".timestep"
    monkeypatch.setattr(conf, "SOURCE_TREE", tmp_path / "site-packages")
    assert conf.home() == tmp_path / ".timestep"


def test_the_secret_key_is_made_once_for_its_owner_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = conf.secret_key(tmp_path / "home")
    assert len(first) >= 50
    assert conf.secret_key(tmp_path / "home") == first
    assert stat.S_IMODE((tmp_path / "home" / "secret_key").stat().st_mode) == 0o600
    monkeypatch.setenv("TIMESTEP_SECRET_KEY", "given")
    assert conf.secret_key(tmp_path / "home") == "given"


def test_an_empty_key_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    assert len(conf.secret_key(tmp_path)) >= 50
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(conf.BadSetting, match=r"TIMESTEP_HOME .*Not a directory; make it"):
        conf.secret_key(tmp_path / "home")


def test_postgres_in_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PG_CONNECTION_URI", "postgres://u:p%40ss@db:6000/runs?sslmode=require")
    settings = conf.database(tmp_path)
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db", "6000", "runs")
    assert (settings["USER"], settings["PASSWORD"]) == ("u", "p@ss")
    assert settings["OPTIONS"] == {"sslmode": "require", "connect_timeout": "10"}
    url = conf.engine_database_url(settings)
    assert url == "postgresql://u:p%40ss@db:6000/runs?sslmode=require"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("mysql://u:hunter2@h/d", "does not begin with postgresql://"),
        ("postgresql://u:hunter2@h:1/d?nonsense=1", "cannot be read as a URI"),
        ("postgresql://u:hunter2@h:1", "names no database"),
    ],
)
def test_a_bad_uri_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, uri: str, said: str
) -> None:
    monkeypatch.setenv("PG_CONNECTION_URI", uri)
    with pytest.raises(conf.BadSetting, match=said) as refused:
        conf.database(tmp_path)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_sqlite_is_the_same_file_for_both(tmp_path: Path) -> None:
    settings = conf.database(tmp_path)
    assert settings["NAME"] == tmp_path / "timestep.sqlite3"
    assert conf.engine_database_url(settings) == f"sqlite:///{tmp_path}/timestep.sqlite3"


def test_tools_are_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMESTEP_TOOLS", "shop.tools, crm ,")
    assert conf.tool_modules() == ["shop.tools", "crm"]
    monkeypatch.setenv("TIMESTEP_TOOLS", "shop tools")
    with pytest.raises(conf.BadSetting, match="TIMESTEP_TOOLS names 'shop tools'"):
        conf.tool_modules()


def test_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert conf.time_zone() == "UTC"
    monkeypatch.setenv("TIMESTEP_TIME_ZONE", "Europe/Berlin")
    assert conf.time_zone() == "Europe/Berlin"
    monkeypatch.setenv("TIMESTEP_TIME_ZONE", "../../etc/passwd")
    with pytest.raises(conf.BadSetting, match="is no time zone"):
        conf.time_zone()
    monkeypatch.setenv("TIMESTEP_TIME_ZONE", "US/Pacific")
    with pytest.raises(conf.BadSetting, match="America/Los_Angeles"):
        conf.time_zone()


@pytest.mark.parametrize(
    ("value", "host", "origin"),
    [
        ("https://Timestep.example.com/", "timestep.example.com", "https://timestep.example.com"),
        ("http://127.0.0.1:8000", "127.0.0.1", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "[::1]", "http://[::1]:8000"),
    ],
)
def test_public_url(monkeypatch: pytest.MonkeyPatch, value: str, host: str, origin: str) -> None:
    monkeypatch.setenv("TIMESTEP_PUBLIC_URL", value)
    url = conf.public_url()
    assert url is not None
    assert (url.host, url.origin) == (host, origin)
    assert url.secure == value.startswith("https")


@pytest.mark.parametrize(
    "value", ["example.com", "ftp://a", "https://", "https://a:x", "https://a/b", "https://u@a"]
)
def test_what_is_no_public_url(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TIMESTEP_PUBLIC_URL", value)
    with pytest.raises(conf.BadSetting, match="TIMESTEP_PUBLIC_URL is"):
        conf.public_url()


def test_letters_go_to_the_log_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "console" in conf.email()["EMAIL_BACKEND"]
    monkeypatch.setenv("TIMESTEP_EMAIL_URL", "smtp://me%40a:p%2Fw@mail.example.com")
    settings = conf.email()
    assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"]) == ("mail.example.com", 587)
    assert (settings["EMAIL_HOST_USER"], settings["EMAIL_HOST_PASSWORD"]) == ("me@a", "p/w")
    assert (settings["EMAIL_USE_TLS"], settings["EMAIL_USE_SSL"]) == (True, False)


@pytest.mark.parametrize("value", ["mail.example.com", "http://a", "smtp://", "smtp://a:b:c"])
def test_what_is_no_email_url(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TIMESTEP_EMAIL_URL", value)
    with pytest.raises(conf.BadSetting, match=r"TIMESTEP_EMAIL_URL is .*smtp://USER"):
        conf.email()


def test_a_worker_drains_for_a_minute_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIMESTEP_DRAIN_SECONDS", raising=False)
    assert conf.drain_seconds() == 60
    monkeypatch.setenv("TIMESTEP_DRAIN_SECONDS", "2.5")
    assert conf.drain_seconds() == 2.5


@pytest.mark.parametrize("value", ["-1", "soon", "nan", "inf", "86401"])
def test_what_is_no_time_to_drain(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("TIMESTEP_DRAIN_SECONDS", value)
    with pytest.raises(conf.BadSetting, match="seconds from 0 to 86400"):
        conf.drain_seconds()

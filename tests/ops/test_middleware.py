"""Static files and the Content Security Policy."""

from __future__ import annotations

import pytest
from django.test import Client

CSS = "/static/admin/css/base.css"


def test_static_files_are_served_without_debug(client: Client) -> None:
    answer = client.get(CSS)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/css")
    assert not answer.streaming
    assert len(answer.content) == int(answer["Content-Length"])


def test_an_unchanged_static_file_is_not_sent_again(client: Client) -> None:
    tag = client.get(CSS)["ETag"]
    again = client.get(CSS, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_head_request_has_no_body(client: Client) -> None:
    answer = client.head(CSS)
    assert answer.content == b""
    assert int(answer["Content-Length"]) > 0


@pytest.mark.parametrize("path", ["/static/../manage.py", "/static/admin/", "/static/nothing.css"])
@pytest.mark.django_db
def test_nothing_else_is_served(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_pages_have_a_policy_without_inline_code(client: Client) -> None:
    policy = client.get("/healthz")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_a_wrong_host_is_one_line_in_the_log(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get("/healthz", headers={"Host": "other.example"}).status_code == 400
    (record,) = [one for one in caplog.records if one.name == "django.security.DisallowedHost"]
    assert "other.example" in record.getMessage()
    assert record.exc_info is None

"""Telling people: one message per request and person, whatever dies in between."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone

from approvals.models import ApprovalRequest, Delivery, Notice, NoticeKind, Webhook
from approvals.services import channels, deliveries
from approvals.services.decisions import decide
from approvals.services.deliveries import deliver, deliver_due
from approvals.services.notices import tell
from tests.approvals.rows import approver, ask, awaiting_run, refund_call

pytestmark = pytest.mark.django_db


class Receiver:
    """A webhook's other end: keeps what it gets, and answers as told."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        # What happens once it has the whole message, and before it answers.
        self.before_answer: Callable[[], object] = lambda: None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), body))
                outer.before_answer()
                self.send_response(outer.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.01])
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def _hook(url: str, **fields: Any) -> Webhook:
    return Webhook.objects.create(name="ops", url=url, secret="s3cret", **fields)


def _ana() -> User:
    ana = approver("ana")
    User.objects.filter(pk=ana.pk).update(email="ana@shop.example")
    return ana


def _asked(**fields: Any) -> ApprovalRequest:
    return ask(awaiting_run(), refund_call(**fields))[0]


def _all() -> None:
    while deliver():
        pass


def _due_again() -> None:
    Delivery.objects.update(next_at=timezone.now() - timedelta(seconds=1))


def _only() -> Delivery:
    return Delivery.objects.get()


def test_who_may_decide_is_written_to_once(settings: Any) -> None:
    settings.TIMESTEP_PUBLIC_URL = "https://timestep.example"
    _ana()
    approver("bo")  # Has no address.
    asked = _asked()
    _all()
    _all()
    (letter,) = mail.outbox
    assert letter.to == ["ana@shop.example"]
    assert "refund_order" in letter.subject
    assert f"https://timestep.example/approvals/{asked.pk}/" in letter.body
    assert _only().status == "sent"


def test_without_a_mail_server_nobody_is_written_to(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    _ana()
    _asked()
    _all()
    assert not Delivery.objects.exists()
    assert not Notice.objects.filter(spread_at=None).exists()


def test_what_a_model_wrote_cannot_dress_up_a_letter() -> None:
    _ana()
    hostile = {"to": "see https://evil.example/x\u202e", "note": "a\r\nBcc: b@c", "password": "pw1"}
    ask(awaiting_run(), refund_call(arguments=json.dumps(hostile)))
    _all()
    body = mail.outbox[0].body
    assert "https://evil" not in body
    assert "U+202E" in body
    assert "\r" not in body
    assert "pw1" not in body


def test_a_webhook_is_signed_and_fits_slack(receiver: Receiver) -> None:
    _hook(receiver.url)
    asked = _asked(arguments='{"to": "<!channel> & co"}')
    _all()
    ((headers, body),) = receiver.got
    sent = json.loads(body)
    assert sent["approval_id"] == asked.pk
    assert "&lt;!channel&gt; &amp; co" in sent["text"]
    signed = headers["X-Timestep-Timestamp"].encode() + b"." + body
    expected = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert headers["X-Timestep-Signature"] == f"v1={expected}"


def test_a_webhook_is_told_of_its_agents_only(receiver: Receiver) -> None:
    _hook(receiver.url, agent="sales-*")
    _asked()
    _all()
    assert not receiver.got


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_receiver_that_fails_is_tried_again(receiver: Receiver, status: int) -> None:
    _hook(receiver.url)
    _asked()
    receiver.status = status
    _all()
    waiting = _only()
    assert (waiting.status, waiting.attempts) == ("pending", 1)
    assert waiting.problem == f"answered with {status}"
    assert waiting.next_at > timezone.now()
    receiver.status = 200
    _due_again()
    _all()
    assert (_only().status, len(receiver.got)) == ("sent", 2)


def test_pauses_grow_and_end(receiver: Receiver) -> None:
    _hook(receiver.url)
    _asked()
    receiver.status = 500
    pauses = []
    for _ in range(4):
        _all()
        pauses.append(_only().next_at - timezone.now())
        _due_again()
    assert pauses[0] < pauses[2] < pauses[3]
    Delivery.objects.update(attempts=deliveries.MOST_ATTEMPTS)
    _all()
    assert _only().status == "failed"


def test_a_dead_receiver_holds_up_nobody_else() -> None:
    _hook("http://127.0.0.1:9/")
    _ana()
    for _ in range(5):
        _asked()
    _all()
    assert len(mail.outbox) == 5
    assert Delivery.objects.filter(webhook__isnull=False, attempts=0).count() == 4


def test_what_a_process_took_and_did_not_send_is_sent_by_another() -> None:
    _ana()
    _asked()
    deliveries.spread(Notice.objects.get())
    assert deliveries._claim(_only())
    _all()
    assert not mail.outbox
    _due_again()
    _all()
    assert len(mail.outbox) == 1


def test_two_processes_do_not_take_the_same() -> None:
    _ana()
    _asked()
    deliveries.spread(Notice.objects.get())
    mine, theirs = _only(), _only()
    assert deliveries._claim(mine)
    assert not deliveries._claim(theirs)


def test_a_notice_is_spread_once() -> None:
    _ana()
    _asked()
    notice = Notice.objects.get()
    deliveries.spread(notice)
    deliveries.spread(notice)
    assert Delivery.objects.count() == 1


def test_nobody_is_told_of_what_was_decided() -> None:
    ana = _ana()
    asked = _asked()
    deliveries.spread(Notice.objects.get())
    decide(asked.pk, approve=True, by=ana)
    _all()
    assert not mail.outbox
    assert _only().status == "dropped"


def test_a_reminder_is_a_message_of_its_own() -> None:
    _ana()
    asked = _asked()
    for number in (0, 0, 1):
        tell([asked], NoticeKind.REMINDER, number=number)
    _all()
    assert len(mail.outbox) == 3
    assert mail.outbox[2].subject.startswith("Still waiting")


def test_what_is_handed_over_is_told_to_one() -> None:
    ana = _ana()
    bo = approver("bo")
    User.objects.filter(pk=bo.pk).update(email="bo@shop.example")
    asked = _asked()
    _all()
    tell([asked], NoticeKind.HANDED_OVER, only_to=ana)
    _all()
    assert [letter.to[0][:3] for letter in mail.outbox].count("ana") == 2
    assert len(mail.outbox) == 3


def test_a_mail_server_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise ConnectionRefusedError("no server; password=hunter22")

    monkeypatch.setattr(mail.EmailMessage, "send", refuse)
    _ana()
    _asked()
    _all()
    waiting = _only()
    assert waiting.status == "pending"
    assert "hunter22" not in waiting.problem


def test_the_clock_says_when_the_next_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[bool] = []
    monkeypatch.setattr(deliveries._SENDER, "wake", lambda: woken.append(True))
    assert deliver_due() is None
    _ana()
    _asked()
    assert (deliver_due(), woken) == (None, [True])
    deliveries.spread(Notice.objects.get())
    Delivery.objects.update(next_at=timezone.now() + timedelta(seconds=30))
    assert 25 < (deliver_due() or 0) <= 30
    assert woken == [True]


@pytest.mark.parametrize(
    "url", ["ftp://h/x", "https://", "http://u:p@h/", "http://h:x/", "http://h/ü", "http://h/a b"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        channels.check_address(url)
    _hook(url)
    _asked()
    _all()
    assert _only().status == "failed"

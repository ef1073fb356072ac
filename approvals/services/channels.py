"""The ways out: a letter by Django's mail backend, and a signed POST to a webhook."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.request
from email.utils import parseaddr
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage
from smtplib import SMTPRecipientsRefused
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage

from approvals.masking import masked_text
from approvals.models import Delivery, Webhook
from approvals.services.messages import body_of, message_of

SECONDS = 10.0
_PROBLEM_LIMIT = 500
_LOGS_ONLY = "django.core.mail.backends.console.EmailBackend"


class NotDelivered(Exception):
    """The message was not taken.

    Args:
        problem: Why, without secrets.
        final: Whether trying again is of no use.
    """

    def __init__(self, problem: str, *, final: bool = False) -> None:
        super().__init__(problem)
        self.problem = masked_text(problem)[:_PROBLEM_LIMIT]
        self.final = final


def letters_are_sent() -> bool:
    """Whether a mail server is set; without one nobody is written to."""
    backend: str = settings.EMAIL_BACKEND
    return backend != _LOGS_ONLY


def send(delivery: Delivery) -> None:
    """Send one message. Raises NotDelivered."""
    if delivery.webhook is not None:
        _post(delivery.webhook, delivery)
    elif delivery.user is not None:
        _write_to(delivery.user, delivery)


def _write_to(user: User, delivery: Delivery) -> None:
    message = message_of(delivery)
    # The same at each try, so that a mail server can tell a second one.
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    headers = {
        "Message-ID": f"<timestep-{delivery.pk}-{delivery.notice.request_id}@{host}>",
        "Auto-Submitted": "auto-generated",
    }
    letter = EmailMessage(message.subject, message.text, to=[user.email], headers=headers)
    try:
        letter.send()
    except SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        final = all(code >= 500 for code in codes)
        raise NotDelivered(f"the mail server refuses the address ({codes})", final=final) from error
    except (OSError, ValueError) as error:
        raise NotDelivered(f"{type(error).__name__}: {error}") from error


def _post(webhook: Webhook, delivery: Delivery) -> None:
    body = json.dumps(body_of(delivery)).encode()
    now = str(int(time.time()))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Timestep",
        "X-Timestep-Delivery": str(delivery.pk),
        "X-Timestep-Timestamp": now,
        "X-Timestep-Signature": f"v1={signature(webhook.secret, now, body)}",
    }
    try:
        check_address(webhook.url)
        # The address was checked to be http or https.
        asked = urllib.request.Request(webhook.url, body, headers, method="POST")  # noqa: S310
        with _OPENER.open(asked, timeout=SECONDS):
            pass
    except HTTPError as error:
        error.close()
        gone = error.code == HTTPStatus.GONE
        raise NotDelivered(f"answered with {error.code}", final=gone) from error
    except ValidationError as error:
        raise NotDelivered("; ".join(error.messages), final=True) from error
    except (OSError, ValueError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        cause = reason if isinstance(reason, Exception) else error
        raise NotDelivered(f"{type(cause).__name__}: {cause}") from error


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over `timestamp.body`, in hex: what `X-Timestep-Signature` says after `v1=`."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def check_address(url: str) -> None:
    """Refuse what cannot be posted to. Raises ValidationError."""
    mend = "write it as https://HOST/PATH"
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it is what checks it
    except ValueError as error:
        raise ValidationError({"url": f"is no URL ({error}); {mend}"}) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValidationError({"url": f"is no address on the web; {mend}"})
    if parts.username is not None or not url.isascii() or not url.isprintable() or " " in url:
        raise ValidationError({"url": f"holds a name, or letters that no URL has; {mend}"})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is signed for one address is sent to no other."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Follow none: the answer counts as a refusal."""


_OPENER = urllib.request.build_opener(_NoRedirect)

"""Who may watch: the origin of the page, the session of the person, the run."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

from timestep.events import feed
from workflows.live.viewers import Refused

SIGNED_OUT = Refused(4401, "sign in first")
NOT_PERMITTED = Refused(4403, "you may not watch this")
NO_SUCH_RUN = Refused(4404, "no such run")
FOREIGN_ORIGIN = Refused(4403, "pages of other sites may not connect")

_DEFAULT_PORTS = {"http": "80", "https": "443"}


def require_own_origin(headers: dict[bytes, bytes]) -> None:
    """Refuse pages of other sites, which a browser would give this site's cookies.

    Cookies know no ports, so another port of the same host is another site here. Programs send no
    Origin; browsers always do.
    """
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        raise FOREIGN_ORIGIN
    if origin and not (_is_host(origin, host) or _is_trusted(origin)):
        raise FOREIGN_ORIGIN


def _is_host(origin: str, host: str) -> bool:
    parts = urlsplit(origin)
    default = _DEFAULT_PORTS.get(parts.scheme)
    return default is not None and host in (parts.netloc, f"{parts.netloc}:{default}")


def _is_trusted(origin: str) -> bool:
    """As Django's CSRF check reads `CSRF_TRUSTED_ORIGINS`."""
    scheme, _, netloc = origin.partition("://")
    for trusted in settings.CSRF_TRUSTED_ORIGINS:
        its_scheme, _, its_netloc = trusted.lower().partition("://")
        if scheme == its_scheme and is_same_domain(netloc, its_netloc.removeprefix("*")):
            return True
    return False


@dataclass(frozen=True)
class Visitor:
    """Who is behind a socket."""

    session_key: str
    user_id: object


def session_key(headers: dict[bytes, bytes]) -> str:
    """The key of the session cookie, or an empty text."""
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    return cookies.get(settings.SESSION_COOKIE_NAME, "")


def require_visitor(key: str) -> Visitor:
    """The signed-in person of a session; reads the database.

    Called at the handshake and then every minute: sessions expire, people sign out, change their
    password, or are deactivated.
    """
    store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    request = HttpRequest()
    request.session = store(key or None)
    user = get_user(request)
    if not user.is_authenticated:
        raise SIGNED_OUT
    if not user.is_active:
        raise NOT_PERMITTED
    return Visitor(key, user.pk)


def require_run(run_id: str) -> None:
    """Refuse a run that does not exist. Who is signed in may see every run."""
    if not feed.last_seqs([run_id]):
        raise NO_SUCH_RUN

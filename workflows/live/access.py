"""Who may watch: the origin of the page, the session of the person, the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, parse_cookie
from django.http.request import split_domain_port, validate_host

from approvals.access import Sight, sight_of
from timestep.models import Run
from workflows.live.viewers import Refused

SIGNED_OUT = Refused(4401, "sign in first")
NOT_PERMITTED = Refused(4403, "you may not watch this")
SEES_OTHERS = Refused(1013, "what you may see has changed; connect again")
NO_SUCH_RUN = Refused(4404, "no such run")
FOREIGN_ORIGIN = Refused(4403, "pages of other sites may not connect")

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def require_own_origin(scope: Mapping[str, Any]) -> None:
    """Refuse pages of other sites, which a browser would give this site's cookies.

    Own are `TIMESTEP_PUBLIC_URL`, and scheme, host and port of the request itself. Cookies know
    no ports, so another port of the same host is another site here. Programs send no Origin;
    browsers always do.
    """
    headers = dict(scope["headers"])
    origin = _header(headers, b"origin")
    host = _header(headers, b"host")
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        raise FOREIGN_ORIGIN
    own = (f"{_scheme(scope, headers)}://{host}", settings.TIMESTEP_PUBLIC_URL.lower())
    if origin and _plain(origin) not in [_plain(one) for one in own if one]:
        raise FOREIGN_ORIGIN


def _header(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1").lower()


def _scheme(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> str:
    """As people reach the site: what a trusted proxy says, else what was spoken here."""
    if settings.TIMESTEP_TRUSTED_PROXY:
        # The first of several, as Django reads it.
        said = _header(headers, b"x-forwarded-proto").split(",")[0].strip()
        return "https" if said == "https" else "http"
    return "https" if scope.get("scheme") == "wss" else "http"


def _plain(origin: str) -> str:
    """An origin without its default port, which browsers leave out and other clients may not."""
    scheme, _, host = origin.partition("://")
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS.get(scheme, '?'))}"


@dataclass(frozen=True)
class Visitor:
    """Who is behind a socket."""

    session_key: str
    user_id: object
    sight: Sight


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
    return Visitor(key, user.pk, sight_of(user))


def require_run(run_id: str, sight: Sight) -> None:
    """Refuse a run that does not exist, or is not seen."""
    if not Run.objects.filter(sight.runs(), run_id=run_id).exists():
        raise NO_SUCH_RUN

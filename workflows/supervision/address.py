"""Where the web process listens."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from workflows.supervision.errors import StartRefused

EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True)
class Address:
    """A host and a port to listen on."""

    host: str
    port: int

    @property
    def public_url(self) -> str:
        """How people reach it when nobody has said otherwise (`TIMESTEP_PUBLIC_URL`)."""
        host = socket.gethostname() if self.host in EVERY_INTERFACE else self.host
        return f"http://{_bracketed(host)}:{self.port}"

    @property
    def local_host(self) -> str:
        """The host under which this machine reaches it."""
        return EVERY_INTERFACE.get(self.host, self.host)

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def read_address(host: str, port: str) -> Address:
    """The address in the command's words.

    Raises:
        StartRefused: The port is no port.
    """
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise StartRefused(f"--port {port!r} is no port; give a number from 1 to 65535")
    return Address(host.strip("[]"), int(port))


def require_free(address: Address) -> None:
    """Refuse an address that cannot be listened on, by trying.

    Raises:
        StartRefused: The port is taken, the host is not this machine, or it takes more rights.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
            trial.listen(1)
    except OSError as error:
        raise StartRefused(_why_not(address, error)) from error


def _why_not(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {address.port} on {address.host} is taken; stop what listens there, "
            "or choose another with --port"
        )
    if error.errno == errno.EACCES:
        return f"port {address.port} takes more rights than this user has; choose one from 1024 up"
    return (
        f"--host {address.host!r} is no address of this machine ({error.strerror}); try 127.0.0.1"
    )

"""Where the web process may listen."""

from __future__ import annotations

import socket

import pytest

from workflows.supervision.address import Address, read_address, require_free
from workflows.supervision.errors import StartRefused


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "", "\uff18\uff10", "80 "])
def test_what_is_no_port(port: str) -> None:
    with pytest.raises(StartRefused, match=r"is no port; give a number from 1 to 65535"):
        read_address("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "url", "local"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", "127.0.0.1"),
        ("[::1]", "http://[::1]:8000", "::1"),
        ("0.0.0.0", f"http://{socket.gethostname()}:8000", "127.0.0.1"),
    ],
)
def test_how_it_is_reached(host: str, url: str, local: str) -> None:
    address = read_address(host, "8000")
    assert (address.public_url, address.local_host) == (url, local)


def test_a_taken_port_is_refused_and_then_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = Address("127.0.0.1", other.getsockname()[1])
        with pytest.raises(StartRefused, match=rf"port {address.port} .* is taken; .*--port"):
            require_free(address)
    require_free(address)


def test_another_machines_address_is_refused() -> None:
    with pytest.raises(StartRefused, match=r"'192\.0\.2\.1' is no address of this machine"):
        require_free(Address("192.0.2.1", 8000))

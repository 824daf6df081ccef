"""What holds for every test: repeatable examples, and no network beyond this machine."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import settings

# The numbers of the kill matrix are printed by whoever runs the tests, which is not who kills.
from tests.kill.summary import pytest_terminal_summary  # noqa: F401

# The default says the same thing every time: a failure is a fact about the change under test.
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100, print_blob=True)
# For a night, or after touching the merge: HYPOTHESIS_PROFILE=long.
settings.register_profile("long", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


class NetworkBlockedError(RuntimeError):
    """A test tried to leave this machine; not an OSError, which a connector would handle."""


def is_local(host: object) -> bool:
    """Tell whether ``host`` is this machine."""
    if host in {None, "", "localhost", b"localhost"}:
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


def _guarded_connect(real: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, address: Any) -> Any:
        if self.family != socket.AF_UNIX and not is_local(address[0]):
            raise NetworkBlockedError(f"connection to {address!r}")
        return real(self, address)

    return connect


def _guarded_lookup(real: Callable[..., Any]) -> Callable[..., Any]:
    def getaddrinfo(host: object, *args: Any, **kwargs: Any) -> Any:
        if not is_local(host):
            raise NetworkBlockedError(f"look-up of {host!r}")
        return real(host, *args, **kwargs)

    return getaddrinfo


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """Refuse every connection and every look-up beyond loopback."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded_connect(getattr(socket.socket, name)))
        patch.setattr(socket, "getaddrinfo", _guarded_lookup(socket.getaddrinfo))
        yield


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Begin with plain, quick logging, and leave none of a test's own set-up behind.

    Without a set-up structlog draws tracebacks with all their local variables.
    """
    structlog.contextvars.clear_contextvars()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    yield
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()

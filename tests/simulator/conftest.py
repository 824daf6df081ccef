"""A clock that stands still until told, and clients that speak to the doubles in process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from instep.simulator.world import Simulator, World

Connect = Callable[..., httpx.AsyncClient]


class Clock:
    """A clock moved by hand."""

    def __init__(self) -> None:
        """Start at a fixed instant."""
        self.at = datetime(2026, 2, 3, 9, 12, 30, 123456, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.at

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """Answer a clock moved by hand."""
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    """Answer a world with that clock, in which httpx errors stand for lost replies."""
    made = World(seed=1, now=clock)
    made.lost = httpx.ReadError
    return made


@pytest.fixture
def connect() -> Connect:
    """Answer a maker of clients; by default with headers that all three services accept."""

    def make(double: Simulator, **headers: str) -> httpx.AsyncClient:
        usual = {"authorization": "Bearer t", "x-devrev-scope": "beta"}
        transport = httpx.ASGITransport(app=double.app)
        return httpx.AsyncClient(
            transport=transport, base_url="http://double", headers=headers or usual
        )

    return make

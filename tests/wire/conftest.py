"""Fixtures of the wire tests: a router in place of the network, and no waiting between tries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import respx
import stamina


@pytest.fixture(autouse=True)
def _without_backoff() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@pytest.fixture
def router() -> respx.MockRouter:
    """Give a router that refuses what no route expects."""
    return respx.MockRouter(assert_all_called=False)

"""Fixtures of the contract suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import stamina

from instep.simulator.serve import serve
from tests.contract.served import Port


@pytest.fixture(autouse=True)
def _without_backoff() -> Iterator[None]:
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def port() -> AsyncIterator[Port]:
    """Listen on a port for all tests of a class: to stop a server takes longer than most tests."""
    port = Port()
    served = await serve(port, 0)
    port.number = served.port
    yield port
    await served.stop()

"""ProdManager on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.prodmanager.database import first
from tests.simulator.prodmanager import FORM, PATH, listed, make, read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Connect

aio = pytest.mark.asyncio
ALL = "incident_api scope_api"
HUGE = "99999999999999999999"


@pytest.fixture
async def sqlite(world: World, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of a ProdManager on SQLite, the default."""
    async with connect(ProdManagerSimulator(world, incidents=0, permissions=ALL)) as made:
        yield made


@pytest.fixture
async def postgresql(world: World, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of a ProdManager on PostgreSQL."""
    double = ProdManagerSimulator(world, incidents=0, database="postgresql", permissions=ALL)
    async with connect(double) as made:
        yield made


@aio
async def test_choices_sort_by_name_or_as_declared(
    sqlite: httpx.AsyncClient, postgresql: httpx.AsyncClient
) -> None:
    """SQLite puts minor behind low and before moderate, PostgreSQL last."""
    for client in (sqlite, postgresql):
        for severity in ("minor", "moderate", "low", "high", "critical"):
            await make(client, severity=severity, start_impact_date="2024-02-18T10:02")
    assert await listed(sqlite) == [5, 4, 3, 1, 2]
    assert await listed(postgresql) == [5, 4, 2, 3, 1]


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 9))
def test_the_first_rows_are_the_first(keys: list[int], most: int) -> None:
    """Only ties come out in an order of their own: keys are sorted, and no row comes twice."""
    rows = list(enumerate(keys))
    found = first(rows, most, lambda row: row[1])
    assert [key for _, key in found][:most] == sorted(keys)[:most]
    assert len(set(found)) == len(found)


@aio
async def test_deleted_ids_come_back_or_not(
    sqlite: httpx.AsyncClient, postgresql: httpx.AsyncClient
) -> None:
    """SQLite gives the highest id again, of incidents and of scopes; PostgreSQL never does."""
    for client, number in ((sqlite, 1), (postgresql, 2)):
        await client.post(f"{PATH}/{await make(client)}/delete")
        assert await make(client) == number
        await client.post("/api/scope/3/delete")
        made = await client.post("/api/scope/create", data={"name": "moon"})
        assert made.headers["location"].endswith(f"/scope/{number + 2}")


@aio
async def test_huge_ids_break_sqlite(
    sqlite: httpx.AsyncClient, postgresql: httpx.AsyncClient
) -> None:
    """Beyond 64 bits SQLite answers 500 where PostgreSQL finds nothing."""
    for client, filtered, got in ((sqlite, 500, 500), (postgresql, 200, 404)):
        assert (await client.get(PATH, params={"scope": HUGE})).status_code == filtered
        assert (await client.get(f"{PATH}/{HUGE}")).status_code == got
        said = await client.post(f"{PATH}/{HUGE}/comment", data={"comment": "Lost"})
        assert said.status_code == 500


@aio
async def test_nul_is_text_for_sqlite_only(
    sqlite: httpx.AsyncClient, postgresql: httpx.AsyncClient
) -> None:
    """SQLite keeps a NUL in a text or a comment; for PostgreSQL it is a 500."""
    number = await make(sqlite, description="a\0b")
    assert (await read(sqlite, number))["description"] == "a\0b"
    reply = await postgresql.post(f"{PATH}/create", data={**FORM, "description": "a\0b"})
    assert reply.status_code == 500
    await make(postgresql)
    said = await postgresql.post(f"{PATH}/1/comment", data={"comment": "a\0b"})
    assert said.status_code == 500
    assert (await read(postgresql, 1))["description"] is None


@aio
async def test_bad_date_filters_are_nothing_or_a_500(
    sqlite: httpx.AsyncClient, postgresql: httpx.AsyncClient
) -> None:
    """SQLite compares whatever text it gets; PostgreSQL wants a date."""
    for client in (sqlite, postgresql):
        await make(client)
    assert await listed(sqlite, impact_after="bogus") == []
    assert await listed(sqlite, impact_after="") == [1]
    for bound in ("bogus", ""):
        reply = await postgresql.get(PATH, params={"impact_after": bound})
        assert reply.status_code == 500


@aio
async def test_a_stray_comment_breaks_postgresql(postgresql: httpx.AsyncClient) -> None:
    """A comment on an incident that does not exist is a 500 there, and is not kept."""
    said = await postgresql.post(f"{PATH}/1/comment", data={"comment": "Too early"})
    assert said.status_code == 500
    events = (await read(postgresql, await make(postgresql)))["events"]
    assert [one["type"] for one in events] == ["create"]

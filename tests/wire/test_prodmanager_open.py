"""ProdManager on the wire, polled by open: the open incidents, and those that are watched."""

from __future__ import annotations

import httpx
import pytest
import respx

from instep.errors import Unreachable
from tests.wire.prodmanager import API, ids, incident, listing, made

GONE = {"message": "m", "reasons": {"incident": ["Resource not found : 9"]}}


async def test_only_the_open_ones_are_listed(router: respx.MockRouter) -> None:
    """The three open statuses are asked for at once; nothing is concluded from an absence."""
    route = router.get(f"{API}/incident")
    route.mock(side_effect=lambda _: listing([incident(1), incident(2)]))
    system = made(router, by_open=True)
    pages = [page async for page in system.changes("open")]
    assert [one.id for page in pages for one in page.records] == ["1", "2"]
    assert not any(page.complete for page in pages)
    sent = route.calls.last.request.url.params
    assert sent.get_list("status") == ["active", "investigating", "stable"]
    assert sent["per_page"] == "50"
    assert system.abilities.hints


async def test_a_filter_that_widens_is_checked(router: respx.MockRouter) -> None:
    """Trap 10: a status that the service does not know lists everything: the rest is dropped."""
    rows = [incident(1), incident(2, status="resolved"), incident(3, status="active")]
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing(rows))
    assert await ids(made(router, by_open=True), "open") == ["1", "3"]


async def test_the_watched_are_read(router: respx.MockRouter) -> None:
    """Who is not among the open ones may have been resolved, or missed: it is read by itself."""
    rows = [incident(1), incident(2, status="resolved")]
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing(rows))
    resolved = router.get(f"{API}/incident/2").respond(json=rows[1])
    listed = router.get(f"{API}/incident/1").respond(json=rows[0])
    router.get(f"{API}/incident/9").respond(404, json=GONE)
    assert await ids(made(router, by_open=True), "open", "1", "2", "9") == ["1", "2"]
    assert (resolved.call_count, listed.called) == (1, False)


async def test_many_are_read_in_pages(router: respx.MockRouter) -> None:
    """The watched are read some at once, and noted before the next ones are asked for."""
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing([]))
    route = router.get(url__regex=rf"{API}/incident/\d+")
    route.mock(
        side_effect=lambda request: httpx.Response(
            200, json=incident(int(request.url.path.rpartition("/")[2]))
        )
    )
    watch = [str(number) for number in range(1, 41)]
    pages = [page async for page in made(router, by_open=True).changes("open", watch)]
    assert [len(page.records) for page in pages] == [0, 16, 16, 8]
    assert [one.id for page in pages for one in page.records] == watch


async def test_a_watched_one_that_cannot_be_read_ends_the_listing(
    router: respx.MockRouter,
) -> None:
    """What is no answer says nothing about an incident: it is not left out without a word."""
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing([]))
    router.get(f"{API}/incident/2").respond(404, json="The requested URL was not found")
    router.get(f"{API}/incident/3").respond(json=incident())
    with pytest.raises(Unreachable):
        await ids(made(router, by_open=True), "open", "2", "3")


async def test_an_unstable_listing_is_walked_again(router: respx.MockRouter) -> None:
    """Trap 2: the open ones have no tie-break either."""
    route = router.get(f"{API}/incident")
    route.side_effect = [
        listing([incident(1), incident(1)], total=2),
        listing([incident(2), incident(2)], total=2),
    ]
    assert await ids(made(router, by_open=True), "open") == ["1", "2"]


async def test_a_whole_listing_is_not_filtered(router: respx.MockRouter) -> None:
    """Without a cursor everything is listed, resolved ones too, and that is known to be all."""
    route = router.get(f"{API}/incident")
    rows = [incident(1), incident(2, status="resolved")]
    route.mock(side_effect=lambda _: listing(rows))
    pages = [page async for page in made(router, by_open=True).changes(None)]
    assert [one.id for page in pages for one in page.records] == ["1", "2"]
    assert [page.complete for page in pages] == [False, True]
    assert "status" not in route.calls.last.request.url.params

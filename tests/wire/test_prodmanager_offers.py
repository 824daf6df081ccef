"""What ProdManager offers, on the wire: two listings of names, and choices that never change."""

from __future__ import annotations

import httpx
import pytest
import respx

from instep.errors import Denied, Unreachable
from instep.systems.base import Offer
from tests.wire.prodmanager import API, listing, made, who


async def test_scopes_and_services_are_listed(router: respx.MockRouter) -> None:
    """By name, and case counts; the token is looked at first, and nothing else is asked."""
    system = made(router)
    offers = await system.offers({"scope": ["eu-west", "EU-WEST"], "service": ["Checkout"]})
    assert offers == {
        "scope": Offer(missing=("EU-WEST",), words=("eu-west", "us-east")),
        "service": Offer(words=("Checkout", "Search")),
    }
    requests = [call.request for call in router.calls]
    assert [(one.method, one.url.path) for one in requests] == [
        ("GET", "/api/token/whoami"),
        ("GET", "/api/scope"),
        ("GET", "/api/service"),
    ]
    assert dict(requests[1].url.params) == {"per_page": "50", "page": "1"}


async def test_choices_are_the_same_everywhere(router: respx.MockRouter) -> None:
    """Severities and statuses are the service's own, in lower case only."""
    offers = await made(router).offers({"severity": ["high", "High"], "status": ["closed"]})
    assert offers == {
        "severity": Offer(
            missing=("High",), words=("critical", "high", "moderate", "low", "minor")
        ),
        "status": Offer(
            missing=("closed",), words=("active", "investigating", "stable", "resolved")
        ),
    }


async def test_other_places_take_any_word(router: respx.MockRouter) -> None:
    """Texts and dates are there; the history, links and what nobody knows are no places."""
    there = ("name", "external_link", "resolve_date", "creation_date")
    gone = ("title", "events[0].content", "links.self", "external_reference")
    offers = await made(router).offers(dict.fromkeys((*there, *gone), ("anything",)))
    assert offers == {**dict.fromkeys(there, Offer()), **dict.fromkeys(gone, Offer(there=False))}


async def test_a_token_that_will_not_do_offers_nothing(router: respx.MockRouter) -> None:
    """Reads need no permission: the token is asked about, and not the listings."""
    system = made(router)
    router.get(f"{API}/token/whoami").mock(side_effect=lambda _: who(permissions=[]))
    with pytest.raises(Denied, match="does not let the token write"):
        await system.offers({"scope": ()})


async def test_names_that_cannot_be_read_are_an_error(router: respx.MockRouter) -> None:
    """A page in place of the listing is no server without scopes."""
    system = made(router)
    router.get(f"{API}/scope").mock(return_value=httpx.Response(200, text="<html>"))
    with pytest.raises(Unreachable):
        await system.offers({"scope": ["eu-west"]})


async def test_names_are_read_anew(router: respx.MockRouter) -> None:
    """A service that was made since the last look is there."""
    system = made(router)
    assert (await system.offers({"service": ["Basket"]}))["service"].missing == ("Basket",)
    rows = [{"id": 3, "name": "Basket"}]
    router.get(f"{API}/service").mock(side_effect=lambda _: listing(rows))
    assert (await system.offers({"service": ["Basket"]}))["service"] == Offer(words=("Basket",))

"""ProdManager on the wire: the token, which is looked at before anything is believed (trap 15)."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import orjson
import pytest
import respx
import structlog

from instep.errors import Denied, Unreachable
from instep.systems import http
from tests.wire.prodmanager import API, ids, incident, listing, made, who

DAY = 86400
NOW = 1_770_000_000.0
ENDED = {"message": "Token validation failed", "reasons": {"token": ["Signature has expired"]}}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the time that the connector sees; it stands still unless it is set."""
    now = [NOW]
    monkeypatch.setattr("instep.systems.prodmanager.token.time.time", lambda: now[0])
    return now


def jwt(**claims: Any) -> str:
    """Spell a token that says this of itself."""
    parts = (base64.urlsafe_b64encode(orjson.dumps(one)) for one in ({}, claims, "signature"))
    return b".".join(part.rstrip(b"=") for part in parts).decode()


async def refused(router: respx.MockRouter, answer: httpx.Response, **more: Any) -> Denied:
    """Give the error of a first listing whose token is answered so."""
    system = made(router, **more)
    router["whoami"].mock(side_effect=lambda _: answer)
    route = router.get(f"{API}/incident").respond(json={"items": []})
    with pytest.raises(Denied) as caught:
        await ids(system)
    with pytest.raises(Denied, match="status "):
        await system.check()
    assert not route.called
    return caught.value


async def test_a_token_that_did_not_arrive(router: respx.MockRouter) -> None:
    """Without a token reads work, but show no history: incidents would seem to be other ones."""
    error = await refused(router, httpx.Response(200, json={"playload": None}), writable=False)
    assert "does not know the token" in str(error)
    assert "Authorization" in error.advice


async def test_a_token_without_the_permission(router: respx.MockRouter) -> None:
    """Found before the first write."""
    error = await refused(router, who(permissions=["scope_api"]))
    assert "does not let the token write" in str(error)
    assert "writable: false" in error.advice


async def test_a_token_for_reading_reads(router: respx.MockRouter) -> None:
    """Reads need no permission: a system that is not written to does not ask for one."""
    system = made(router, writable=False)
    router["whoami"].mock(side_effect=lambda _: who(permissions=[]))
    router.get(f"{API}/incident").respond(json=orjson.loads(listing([incident()]).content))
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing([incident()]))
    assert await ids(system) == ["3"]
    assert await system.check() == ()


async def test_a_token_that_was_born_ended(router: respx.MockRouter) -> None:
    """Made without dates it ends one hour after the start of the server, maybe long ago.

    The service refuses it, and it carries the dates itself.
    """
    dates = {"nbf": int(NOW) - 9 * DAY, "exp": int(NOW) - 9 * DAY + 3600}
    error = await refused(router, httpx.Response(401, json=ENDED), token=jwt(**dates))
    assert "has ended" in str(error)
    assert "one hour after the server was started: send both dates" in error.advice


@pytest.mark.parametrize(
    ("claims", "what"),
    [
        ({"nbf": NOW - 9 * DAY, "exp": NOW - DAY}, "has ended"),
        ({"nbf": NOW + DAY, "exp": NOW + 9 * DAY}, "is not good yet"),
        ({"nbf": NOW - DAY, "exp": NOW + DAY}, "Signature has expired"),
        ({"exp": "soon"}, "Signature has expired"),
    ],
)
async def test_why_a_token_is_refused(
    router: respx.MockRouter, claims: dict[str, Any], what: str
) -> None:
    """Its own dates tell; where they do not, the service's words do."""
    error = await refused(router, httpx.Response(401, json=ENDED), token=jwt(**claims))
    assert what in str(error)
    assert "one hour" not in error.advice


@pytest.mark.parametrize("token", ["tok", "a.b.c", "a.b", "a.bm9uZQ.c", "a.W10.c"])
async def test_a_token_that_says_nothing_of_itself(router: respx.MockRouter, token: str) -> None:
    """Whatever stands in the configuration is no reason to stop in another way than refused."""
    system = made(router, token=token)
    router["whoami"].respond(401, json=ENDED)
    with pytest.raises(Denied, match="Signature has expired"):
        await system.check()


async def test_a_token_with_an_odd_name_is_broken(router: respx.MockRouter) -> None:
    """A name with ``>`` can bring a minus, which the server's own pattern refuses for ever."""
    reason = "Token has not the right format or type. expected : ..."
    body = {"message": "Token validation failed", "reasons": {"token": [reason]}}
    broken = jwt(name="a>>b>>c>>", exp=NOW + DAY)
    assert "-" in broken.split(".")[1]
    error = await refused(router, httpx.Response(401, json=body), token=broken)
    assert "a name of letters and digits" in error.advice


@pytest.mark.parametrize("reason", ["Signature verification failed", "Token has not the right"])
async def test_an_unknown_token_is_refused(router: respx.MockRouter, reason: str) -> None:
    """Wrong or malformed: the service's own reason is shown."""
    body = {"message": "Token validation failed", "reasons": {"token": [reason]}}
    error = await refused(router, httpx.Response(401, json=body))
    assert reason in str(error)


async def test_a_500_may_be_a_bad_token(router: respx.MockRouter) -> None:
    """With its rate limit on, the service breaks on a bad token and answers 500 in place of 401."""
    system = made(router)
    router["whoami"].respond(500, json="The server encountered an internal error")
    with pytest.raises(Unreachable) as caught:
        await ids(system)
    assert "token" in caught.value.advice
    router["whoami"].respond(503)
    with pytest.raises(Unreachable) as caught:
        await ids(system)
    assert "token" not in caught.value.advice
    assert router["whoami"].call_count == 2 * http.ATTEMPTS


async def test_an_address_without_the_question_is_no_bad_token(router: respx.MockRouter) -> None:
    """A 404 says that the address is wrong, not that the token is."""
    system = made(router)
    router["whoami"].respond(404, json="The requested URL was not found on the server.")
    with pytest.raises(Unreachable, match="who the token is"):
        await ids(system)


async def test_a_token_is_looked_at_every_hour(
    router: respx.MockRouter, clock: list[float]
) -> None:
    """Before the first listing, then when an hour has passed, or the clock was set back."""
    system = made(router)
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing([]))
    asked = []
    for later in (0, 3599, 3600, 7199, 100):
        clock[0] = NOW + later
        await ids(system)
        asked.append(router["whoami"].call_count)
    assert asked == [1, 1, 2, 2, 3]


async def test_a_token_that_was_refused_is_looked_at_again(router: respx.MockRouter) -> None:
    """The next cycle asks anew: somebody may have mended the permission."""
    system = made(router)
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing([]))
    router["whoami"].side_effect = [who(permissions=[]), who()]
    with pytest.raises(Denied):
        await ids(system)
    assert await ids(system) == []


async def test_a_token_that_ends_between_two_looks_is_found_out(router: respx.MockRouter) -> None:
    """With the rate limit on its end is a 500: the next cycle asks who it is, and says what to do.

    Otherwise the service would be said to be in trouble until the hour is over.
    """
    system = made(router)
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing([]))
    await ids(system)
    for path in ("scope", "service", "incident", "token/whoami"):
        router.get(f"{API}/{path}").mock(side_effect=None, return_value=httpx.Response(500))
    advised = []
    for _ in range(2):
        with pytest.raises(Unreachable) as caught:
            await ids(system)
        advised.append("token" in caught.value.advice)
    assert advised == [False, True]


async def test_a_token_near_its_end_is_warned_of(router: respx.MockRouter) -> None:
    """Within its last week the log says so with each look, and ``check`` tells a person."""
    system = made(router)
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing([]))
    router["whoami"].mock(side_effect=lambda _: who(exp=NOW + 2 * DAY))
    with structlog.testing.capture_logs() as events:
        await ids(system)
        await ids(system)
    told = [one for one in events if one["event"] == "token.ending"]
    assert told == [
        {"event": "token.ending", "log_level": "warning", "system": "status", "days": 2.0}
    ]
    assert await system.check() == ("the token of status ends in 2.0 days",)


async def test_a_clock_that_is_ahead_ends_no_token(router: respx.MockRouter) -> None:
    """Who the service knows is let in: that its end has passed is what this machine believes."""
    system = made(router)
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing([incident()]))
    router["whoami"].mock(side_effect=lambda _: who(exp=NOW - DAY))
    assert await ids(system) == ["3"]
    assert await system.check() == ("the token of status ends in 0.0 days",)


@pytest.mark.parametrize("permissions", [None, 5, "incident_api", {"incident_api": False}])
async def test_permissions_of_another_shape_permit_nothing(
    router: respx.MockRouter, permissions: Any
) -> None:
    """Only a list says what may be done."""
    error = await refused(router, who(permissions=permissions))
    assert "does not let the token write" in str(error)


async def test_a_server_without_services_is_warned_of(router: respx.MockRouter) -> None:
    """No incident can be made there yet."""
    system = made(router)
    router.get(f"{API}/service").mock(side_effect=lambda _: listing([]))
    assert await system.check() == ("status has no service yet",)

"""ProdManager's tokens and its rate limit."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest

from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.prodmanager.token import Tokens
from tests.simulator.prodmanager import FORM, PATH

if TYPE_CHECKING:
    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Clock, Connect

aio = pytest.mark.asyncio
WANTED = {
    "secret": "hush",
    "name": "connector",
    "description": "Keeps in step",
    "not_before_date": "2026-01-01T00:00",
    "expiration_date": "2035-01-01T00:00",
    "permission": ["incident_api", "scope_api"],
}
WHOAMI = "/api/token/whoami"


async def make_token(client: httpx.AsyncClient, **form: Any) -> str:
    """Have a token made; answer it as the value of a header."""
    reply = await client.post("/api/token/create", json={**WANTED, **form})
    assert reply.status_code == 200, reply.text
    token: str = reply.json()
    return f"Bearer {token}"


async def reason(client: httpx.AsyncClient, authorization: str) -> str:
    """Read with a bad token; answer the reason that is given."""
    reply = await client.get(PATH, headers={"authorization": authorization})
    assert (reply.status_code, reply.json()["message"]) == (401, "Token validation failed")
    assert "www-authenticate" not in reply.headers
    found: str = reply.json()["reasons"]["token"][0]
    return found


@pytest.fixture
def double(world: World) -> ProdManagerSimulator:
    """Answer a ProdManager with one incident, which accepts one opaque token."""
    return ProdManagerSimulator(world, token="right", incidents=1, secret="hush")


@aio
async def test_reads_need_no_token(double: ProdManagerSimulator, connect: Connect) -> None:
    """Nobody in particular reads everything but events, and a write is 403, not 401."""
    async with connect(double, accept="*/*") as client:
        assert (await client.get(PATH)).json()["items"][0]["events"] == []
        assert (await client.get(f"{PATH}/1")).json()["events"] == []
        for number in (1, 999):
            write = await client.post(f"{PATH}/{number}/delete")
            assert (write.status_code, type(write.json())) == (403, str)
        assert (await client.get(WHOAMI)).json() == {"playload": None}
        assert (await client.post("/api/scope/create", data={})).status_code == 403


@aio
async def test_a_bad_token_spoils_reads(double: ProdManagerSimulator, connect: Connect) -> None:
    """Even public reads are 401 with it, and health is too, as a page."""
    async with connect(double, authorization="Bearer wrong") as client:
        assert "right format" in await reason(client, "Bearer wrong")
        assert "right format" in await reason(client, "right")
        assert "right format" in await reason(client, "Basic cmlnaHQ=")
        assert "right format" in await reason(client, "Basic right")
        health = await client.get("/health")
        assert health.status_code == 401
        assert health.headers["content-type"].startswith("text/html")


@aio
async def test_any_word_goes_before_a_token(double: ProdManagerSimulator, connect: Connect) -> None:
    """The scheme may be any word; the token's name is echoed, in answers that refuse as well."""
    async with connect(double, authorization="Anything right") as client:
        reply = await client.get(PATH)
        assert reply.headers["x-username"] == "connector-dev"
        assert reply.json()["items"][0]["events"]
        assert (await client.get(f"{PATH}/999")).headers["x-username"] == "connector-dev"


@aio
async def test_tokens_are_made_with_the_secret(
    double: ProdManagerSimulator, connect: Connect
) -> None:
    """A made token carries its name, permissions and both dates, by form as by JSON."""
    async with connect(double, accept="*/*") as client:
        by_json = await make_token(client)
        by_form = (await client.post("/api/token/create", data=WANTED)).json()
        assert by_json == f"Bearer {by_form}"
        who = await client.get(WHOAMI, headers={"authorization": by_json})
    assert who.headers["x-username"] == "connector"
    assert who.json()["playload"] == {
        "name": "connector",
        "nbf": 1767225600,
        "exp": 2051222400,
        "permissions": ["incident_api", "scope_api"],
    }


@pytest.mark.parametrize(
    ("change", "mistakes"),
    [
        ({"secret": "loud"}, {"secret": ["Application secret invalid"]}),
        ({"name": "short"}, {"name": ["Field must be between 8 and 16 characters long."]}),
        ({"description": ""}, {"description": ["This field is required."]}),
        ({"expiration_date": "soon"}, {"expiration_date": ["Not a valid datetime value."]}),
        ({"permission": "all"}, {"permission": ["'all' is not a valid choice for this field."]}),
    ],
)
@aio
async def test_a_token_may_be_refused(
    double: ProdManagerSimulator,
    connect: Connect,
    change: dict[str, str],
    mistakes: dict[str, list[str]],
) -> None:
    """A wrong secret is a 400 like any other mistake of the form."""
    async with connect(double, accept="*/*") as client:
        reply = await client.post("/api/token/create", data={**WANTED, **change})
    assert (reply.status_code, reply.json()["message"]) == (400, "Token creation failed")
    assert reply.json()["reasons"] == mistakes


@aio
async def test_tokens_have_a_begin_an_end_and_a_signature(
    double: ProdManagerSimulator, connect: Connect
) -> None:
    """Too early, too late and signed by somebody else each have a reason of their own."""
    async with connect(double, accept="*/*") as client:
        early = await make_token(client, not_before_date="2030-01-01T00:00")
        late = await make_token(client, expiration_date="2026-01-02T00:00")
        assert await reason(client, early) == "The token is not yet valid (nbf)"
        assert await reason(client, late) == "Signature has expired"
        head = (await make_token(client)).rpartition(".")[0]
        assert await reason(client, f"{head}.abc") == "Signature verification failed"


@aio
async def test_names_can_break_a_token(double: ProdManagerSimulator, connect: Connect) -> None:
    """A payload with a minus is refused for ever; a name outside latin-1 breaks every answer."""
    names = [f"{'x' * more}>>>>>>>>" for more in range(3)]
    async with connect(double, accept="*/*") as client:
        made = [await make_token(client, name=name) for name in names]
        assert all("-" in one.split(".")[1] for one in made)
        assert all(["right format" in await reason(client, one) for one in made])
        odd = await make_token(client, name="\u4f60" * 8)
        reply = await client.get(WHOAMI, headers={"authorization": odd})
    assert reply.status_code == 500
    assert reply.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("switches", "found"),
    [
        ({"starts_in": 60.0}, "The token is not yet valid (nbf)"),
        ({"expires_in": -1.0}, "Signature has expired"),
    ],
)
@aio
async def test_the_given_token_may_begin_and_end(
    world: World, connect: Connect, switches: dict[str, float], found: str
) -> None:
    """The one token that the double is given can be too early or have ended."""
    double = ProdManagerSimulator(world, **switches)  # type: ignore[arg-type]
    async with connect(double) as client:
        assert await reason(client, "Bearer any") == found


@aio
async def test_permissions_are_by_kind(world: World, connect: Connect) -> None:
    """A token reads everything, and writes only what it may; the cookie of a person may all."""
    double = ProdManagerSimulator(world, permissions="scope_api")
    async with connect(double) as client:
        reply = await client.post(f"{PATH}/create", data=FORM)
        assert (reply.status_code, reply.json()["message"]) == (403, "API permission denied")
        assert reply.json()["reasons"]["token"][0].endswith("expected : incident_api")
        assert (await client.post("/api/scope/create", data={"name": "moon"})).status_code == 302
        assert (await client.post("/api/service/create", data={})).status_code == 403
        assert (await client.get(PATH)).json()["items"][0]["events"]
    async with connect(double, cookie="session=signed-in") as client:
        assert (await client.post(f"{PATH}/create", data=FORM)).status_code == 302


@aio
async def test_a_token_may_lack_every_permission(world: World, connect: Connect) -> None:
    """Such a token reads, events too, and writes nothing."""
    async with connect(ProdManagerSimulator(world, can_write=False)) as client:
        assert (await client.post(f"{PATH}/create", data=FORM)).status_code == 403
        assert (await client.get(PATH)).json()["items"][0]["events"]
        assert (await client.get(WHOAMI)).json()["playload"]["permissions"] == []


@pytest.mark.parametrize(
    "switch",
    [
        {"permissions": "everything"},
        {"database": "oracle"},
        *({"timezone": name} for name in ("Mars/Base", "", "America", "../UTC")),
        *({name: -1} for name in ("quota", "anonymous_quota", "subscribers", "eventless_every")),
        {"uptime": -0.5},
    ],
)
def test_switches_are_checked(world: World, switch: dict[str, Any]) -> None:
    """What ProdManager cannot be is a mistake of whoever sets the switch."""
    with pytest.raises(ValueError, match=r" (is|has) "):
        ProdManagerSimulator(world, **switch)


@aio
async def test_the_limit_counts_in_fixed_windows(
    world: World, connect: Connect, clock: Clock
) -> None:
    """Each request below `/api` counts, a window lasts an hour, and over it is a 429."""
    double = ProdManagerSimulator(world, quota=2, anonymous_quota=1)
    async with connect(double) as client:
        headers = (await client.get(PATH)).headers
        assert {
            name: headers[f"x-ratelimit-{name}"] for name in ("limit", "remaining", "used")
        } == {
            "limit": "2",
            "remaining": "1",
            "used": "1",
        }
        assert headers["x-ratelimit-reset"] == str(int(clock().timestamp()) + 3600)
        assert headers["x-ratelimit-client"] == "connector-dev"
        clock.pass_(3599)
        assert (await client.post(f"{PATH}/create", data=FORM)).status_code == 302
        over = await client.get(PATH)
        assert (over.status_code, over.headers["retry-after"]) == (429, "3600")
        assert over.json() == {"message": "API rate limit has been reached"}
        assert (await client.get("/health")).status_code == 200
        clock.pass_(1)
        assert (await client.get(PATH)).headers["x-ratelimit-used"] == "1"
    async with connect(double, accept="*/*") as client:
        assert (await client.get(PATH)).headers["x-ratelimit-limit"] == "1"
        assert (await client.get(PATH)).status_code == 429


@aio
async def test_without_a_quota_nobody_counts(
    double: ProdManagerSimulator, connect: Connect
) -> None:
    """The limit is off by default, and then no header tells of it."""
    async with connect(double, authorization="Bearer right") as client:
        assert not [name for name in (await client.get(PATH)).headers if "ratelimit" in name]


def test_secrets_are_not_shown() -> None:
    """Neither the secret nor the accepted token stands in what is printed of them."""
    told = repr(Tokens("hush", 0, {}, "right"))
    assert "hush" not in told
    assert "right" not in told
    assert urlsafe_b64encode(b"hush").decode() not in told

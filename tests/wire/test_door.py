"""The one door: deadlines, retries, what is unclear, and what is never shown."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import respx
import structlog

from instep.errors import ConfigError, Denied, SideError, Unreachable
from instep.systems import http
from instep.systems.http import Door, Passing, _pause
from instep.systems.waits import LONGEST_WAIT, wait_of
from tests.wire.helpers import over
from tests.wire.sockets import Serve, answering, listening

URL = "https://service.example.com/base"
SECRET = "s3cret-token"


def door(router: respx.MockRouter, **more: Any) -> Door:
    """Make a door to the router."""
    headers = {"Authorization": f"Bearer {SECRET}"}
    return Door("svc", URL, headers, transport=over(router), **more)


@asynccontextmanager
async def served(serve: Serve, **more: Any) -> AsyncIterator[Door]:
    """Make a door over the real transport to a server on loopback."""
    async with listening(serve) as port:
        made = Door("svc", f"http://127.0.0.1:{port}", {}, **more)
        try:
            yield made
        finally:
            await made.close()


# Answers


async def test_paths_are_appended_to_the_base(router: respx.MockRouter) -> None:
    """The path of the address is kept, so that a service may live below one."""
    route = router.get(f"{URL}/things").respond(json={"a": 1})
    answer = await door(router).read("GET", "/things")
    assert answer.json() == {"a": 1}
    assert route.calls.last.request.headers["authorization"] == f"Bearer {SECRET}"


async def test_redirects_are_not_followed(router: respx.MockRouter) -> None:
    """A redirect is an answer: following it would carry the token elsewhere."""
    away = router.get("https://elsewhere.example.com/").respond()
    router.post(f"{URL}/w").respond(302, headers={"Location": "https://elsewhere.example.com/"})
    answer = await door(router).write("POST", "/w", data={"a": "b"})
    assert (answer.status, away.called) == (302, False)


async def test_cookies_are_not_kept(router: respx.MockRouter) -> None:
    """A session cookie would speak for us beside the token, with other permissions."""
    route = router.get(f"{URL}/a").respond(headers={"Set-Cookie": "session=1; Path=/"})
    through = door(router)
    await through.read("GET", "/a")
    await through.read("GET", "/a")
    assert "cookie" not in route.calls.last.request.headers


@pytest.mark.parametrize(("body", "what"), [(b"<html>", "web page"), (b'{"a', "unreadable")])
async def test_an_answer_that_is_no_json_is_unusable(
    router: respx.MockRouter, body: bytes, what: str
) -> None:
    """A page or half an answer is an error of the system; after a write it is unclear."""
    router.route().respond(content=body)
    read = await door(router).read("GET", "/a")
    wrote = await door(router).write("POST", "/a")
    for answer, unclear in ((read, False), (wrote, True)):
        with pytest.raises(Unreachable, match=what) as caught:
            answer.json()
        assert caught.value.unclear is unclear


async def test_an_answer_without_its_member_is_unusable(router: respx.MockRouter) -> None:
    """JSON of another shape is no listing: it must not pass for an empty one."""
    router.get(f"{URL}/a").respond(json=["items"])
    answer = await door(router).read("GET", "/a")
    with pytest.raises(Unreachable, match="'items'"):
        answer.part("items", list)


async def test_a_huge_answer_is_given_up(
    router: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body over the limit is not collected in memory."""
    monkeypatch.setattr(http, "LARGEST_BODY", 10)
    router.post(f"{URL}/a").respond(content=b"x" * 11)
    with pytest.raises(Unreachable, match="too large"):
        await door(router).write("POST", "/a")


# Repeating


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_read_is_repeated(router: respx.MockRouter, status: int) -> None:
    """What may pass is asked again."""
    route = router.get(f"{URL}/a")
    route.side_effect = [httpx.Response(status), httpx.ReadError("reset"), httpx.Response(200)]
    assert (await door(router).read("GET", "/a")).status == 200
    assert route.call_count == 3


async def test_a_read_gives_up_after_a_few_tries(router: respx.MockRouter) -> None:
    """A service that stays down costs a few requests, all of them counted."""
    route = router.get(f"{URL}/a").respond(503)
    through = door(router)
    with pytest.raises(Unreachable):
        await through.read("GET", "/a")
    assert route.call_count == through.requests == http.ATTEMPTS


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
async def test_a_refusal_is_not_repeated(router: respx.MockRouter, status: int) -> None:
    """Asking again does not change a refusal."""
    route = router.get(f"{URL}/a").respond(status)
    with contextlib.suppress(Denied):
        await door(router).read("GET", "/a")
    assert route.call_count == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_write_is_never_repeated(router: respx.MockRouter, status: int) -> None:
    """A second POST could make a second record."""
    route = router.post(f"{URL}/a").respond(status)
    with pytest.raises(Unreachable):
        await door(router).write("POST", "/a", json={})
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (429, {"retry-after": "7"}, None, 7),
        (503, {"retry-after": "7"}, None, 7),
        (429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None, 0),
        (429, {"retry-after": "soon"}, None, None),
        (429, {}, {"type": "too_many_requests", "retry_after": 30}, 30),
        (429, {"x-ratelimit-reset": "3"}, None, 3),
        (429, {"x-ratelimit-reset": "1500000000"}, None, 0),
        (500, {"x-ratelimit-reset": "3"}, None, None),
        (429, {}, ["a"], None),
    ],
)
def test_every_way_to_ask_for_patience_is_read(
    status: int, headers: dict[str, str], body: Any, seconds: float | None
) -> None:
    """Header first, then DevRev's body, then a reset: Datadog's in seconds, others' in time."""
    assert wait_of(status, headers, body) == seconds


def test_a_reset_in_unix_time_is_counted_from_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """DevRev and ProdManager name a point in time."""
    monkeypatch.setattr("instep.systems.waits.time.time", lambda: 1_800_000_000.0)
    assert wait_of(429, {"x-ratelimit-reset": "1800000012"}, None) == 12


def test_a_long_wait_is_not_waited_for() -> None:
    """ProdManager asks for an hour: the cycle goes on without it, and asks no sooner."""
    assert _pause(Passing("busy", wait=LONGEST_WAIT)) == LONGEST_WAIT
    assert _pause(Passing("busy", wait=3600.0)) is False
    assert _pause(Passing("busy")) is True
    assert _pause(Denied()) is False


# What is unclear


@pytest.mark.parametrize(
    ("failure", "unclear"),
    [
        (httpx.Response(401), False),
        (httpx.Response(403), False),
        (httpx.Response(429), False),
        (httpx.Response(408), True),
        (httpx.Response(500), True),
        (httpx.Response(502), True),
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("no route"), False),
        (httpx.PoolTimeout("no slot"), False),
        (httpx.ReadTimeout("late"), True),
        (httpx.ReadError("reset"), True),
        (httpx.WriteError("reset"), True),
        (httpx.RemoteProtocolError("half an answer"), True),
    ],
)
async def test_a_failed_write_says_whether_it_is_unclear(
    router: respx.MockRouter, failure: Any, unclear: bool
) -> None:
    """Only a refusal, or no connection at all, is certain to have had no effect."""
    route = router.post(f"{URL}/a")
    route.side_effect = [failure]
    with pytest.raises(SideError) as caught:
        await door(router).write("POST", "/a", json={})
    assert caught.value.unclear is unclear
    assert caught.value.system == "svc"
    assert caught.value.advice


async def test_a_refused_connection_is_not_unclear() -> None:
    """The real transport calls a refused connection a timeout; nothing was sent all the same."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    through = Door("svc", f"http://127.0.0.1:{port}", {})
    with pytest.raises(Unreachable, match="could not be reached") as caught:
        await through.write("POST", "/a", json={})
    await through.close()
    assert not caught.value.unclear
    assert caught.value.message.endswith(": Connection refused")


async def test_a_lost_connection_is_unclear() -> None:
    """The real transport calls a lost connection a connect timeout; the request was sent."""

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with served(serve) as through:
        with pytest.raises(Unreachable, match="could not be reached") as caught:
            await through.write("POST", "/a", json={"a": 1})
    assert caught.value.unclear


async def test_a_body_cut_short_is_unclear() -> None:
    """Half an answer is no answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()

    async with served(serve) as through:
        with pytest.raises(Unreachable) as caught:
            await through.write("POST", "/a", json={"a": 1})
    assert caught.value.unclear


async def test_nonsense_in_place_of_http_is_unclear() -> None:
    """What does not speak HTTP gives no usable answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        await writer.drain()

    async with served(serve) as through:
        with pytest.raises(Unreachable) as caught:
            await through.write("POST", "/a", json={"a": 1})
    assert caught.value.unclear


async def test_the_deadline_is_for_the_whole_call() -> None:
    """A server that drips bytes, each in time, cannot hold a call beyond its deadline."""
    never = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), 0.02)

    async with served(serve, timeout=0.2) as through:
        started = asyncio.get_running_loop().time()
        with pytest.raises(Unreachable, match=r"within 0\.2 s") as caught:
            await through.write("POST", "/a", json={})
    assert asyncio.get_running_loop().time() - started < 2
    assert caught.value.unclear


@pytest.mark.parametrize(("idle", "connections"), [(60, 1), (0, 2)])
async def test_a_connection_is_used_again_and_dropped_when_idle(
    idle: float, connections: int
) -> None:
    """Two requests in a row share a connection; past its idle time a new one is made."""
    met: set[asyncio.StreamWriter] = set()
    async with served(answering(b"{}", met), idle=idle) as through:
        await through.read("GET", "/a")
        assert (await through.write("POST", "/a")).json() == {}
    assert len(met) == connections


async def test_a_name_with_several_values_is_sent_several_times(
    router: respx.MockRouter,
) -> None:
    """Where a service takes a repeated parameter for "or", a tuple says so."""
    route = router.get(f"{URL}/a").respond(json={})
    await door(router).read("GET", "/a", params={"status": ("active", "stable"), "page": 1})
    assert route.calls.last.request.url.query == b"status=active&status=stable&page=1"


async def test_a_lasting_failure_says_its_status(router: respx.MockRouter) -> None:
    """A connector that knows what a 500 may mean can say so; without an answer it is 0."""
    router.get(f"{URL}/a").side_effect = [httpx.Response(500)] * http.ATTEMPTS
    router.get(f"{URL}/b").side_effect = [httpx.ReadError("reset")] * http.ATTEMPTS
    for path, status in (("/a", 500), ("/b", 0)):
        with pytest.raises(Passing) as caught:
            await door(router).read("GET", path)
        assert caught.value.status == status


# What is shown


async def test_a_service_that_repeats_the_token_is_blotted_out(router: respx.MockRouter) -> None:
    """An error's sentence is shown, the credential in it is not."""
    router.get(f"{URL}/a").respond(403, json={"message": f"token {SECRET}\nis bad"})
    with pytest.raises(Denied) as caught:
        await door(router, reason=lambda value: value["message"]).read("GET", "/a")
    assert "token *** is bad" in str(caught.value)


@pytest.mark.parametrize("odd", ["tök\u2028en", "to\nken", "token\r\nX-Odd: 1", "\0", "\ud800"])
def test_credentials_that_no_header_carries_are_a_mistake_of_the_file(odd: str) -> None:
    """Nothing is started with them, and the message names the header and not what it holds."""
    with pytest.raises(ConfigError) as caught:
        Door("svc", URL, {"Authorization": f"Bearer {odd}", "X-Fine": "a b"})
    (problem,) = caught.value.problems
    assert problem.message == "the credentials of svc cannot be sent (Authorization)"
    assert odd not in problem.hint


async def test_requests_are_logged_without_secrets(router: respx.MockRouter) -> None:
    """The event names system, method, path, status and seconds: no query, no header."""
    router.get(f"{URL}/a").respond(204)
    with structlog.testing.capture_logs() as events:
        await door(router).read("GET", "/a", params={"filter": "ana@example.com"})
    (event,) = events
    assert event.pop("seconds") >= 0
    assert event == {
        "event": "http.request",
        "log_level": "debug",
        "system": "svc",
        "method": "GET",
        "path": "/a",
        "status": 204,
    }

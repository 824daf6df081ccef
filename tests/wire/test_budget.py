"""The rate budget: how it is told, what it holds back, and that it never holds back for nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import httpx
import pytest
import respx

from instep.errors import Unreachable
from instep.systems import waits
from instep.systems.budget import Budget
from instep.systems.http import CONNECTIONS, Door, Passing
from instep.systems.waits import LONGEST_WAIT, LONGEST_WINDOW, Quota, quota_of
from tests.wire.helpers import over

URL = "https://service.example.com"
NOW = 1_800_000_000.0


@dataclass
class Clock:
    """A clock that sleepers move to when they wake."""

    at: float = NOW
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        """Tell the time."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Let others go first, then be so many seconds later, at least."""
        self.slept.append(seconds)
        until = self.at + seconds
        await asyncio.sleep(0)
        self.at = max(self.at, until)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give a clock that is the machine's, too."""
    made = Clock()
    monkeypatch.setattr("instep.systems.waits.time.time", made)
    return made


def door(router: respx.MockRouter, clock: Clock, rate: float = 1.0) -> Door:
    """Make a door to a router, whose budget goes by a clock."""
    return budgeted(over(router), clock, rate)


def budgeted(transport: httpx.MockTransport, clock: Clock, rate: float) -> Door:
    """Make a door whose budget goes by a clock."""
    made = Door("svc", URL, {}, transport=transport, rate=rate)
    made.budget = Budget("svc", rate, clock=clock, sleep=clock.sleep)
    return made


def told(used: int, *, limit: int = 10, reset: float = 20, name: str = "") -> httpx.Response:
    """Answer with headers as Datadog's: seconds until the reset, and a name."""
    headers = {"limit": limit, "remaining": limit - used, "reset": reset, "period": 60}
    more = {"x-ratelimit-name": name} if name else {}
    spelled = {f"x-ratelimit-{key}": str(value) for key, value in headers.items()}
    return httpx.Response(200, json={}, headers=spelled | more)


# How it is told


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        pytest.param(
            {"limit": "1000", "remaining": "400", "reset": "12", "period": "60", "name": "search"},
            Quota(1000, 600, 12, "search"),
            id="datadog",
        ),
        pytest.param(
            {"limit": "8000", "remaining": "7990", "reset": "1800000060"},
            Quota(8000, 10, 60),
            id="devrev",
        ),
        pytest.param(
            {"limit": "1500", "remaining": "0", "used": "1502", "reset": "1800003600"},
            Quota(1500, 1502, 3600),
            id="prodmanager",
        ),
        pytest.param({"limit": "9", "used": "2", "reset": "5"}, Quota(9, 2, 5), id="only-used"),
        pytest.param({"limit": "9", "used": "2", "reset": "1799999999"}, Quota(9, 2, 0), id="past"),
        pytest.param({}, None, id="nothing"),
        pytest.param({"limit": "9", "reset": "5"}, None, id="no-count"),
        pytest.param({"limit": "9", "used": "9"}, None, id="no-reset"),
        pytest.param({"remaining": "0", "reset": "5"}, None, id="no-limit"),
        pytest.param({"limit": "0", "remaining": "0", "reset": "5"}, None, id="none-at-all"),
        pytest.param({"limit": "many", "remaining": "0", "reset": "5"}, None, id="a-word"),
        pytest.param({"limit": "nan", "remaining": "0", "reset": "5"}, None, id="no-number"),
        pytest.param(
            {"limit": "9", "remaining": "0", "reset": "1800000060000"}, None, id="milliseconds"
        ),
    ],
)
def test_every_shape_of_a_limit_is_read(
    clock: Clock, headers: dict[str, str], quota: Quota | None
) -> None:
    """Resets in seconds and in Unix time, with and without a count; nonsense tells nothing."""
    assert quota_of({f"x-ratelimit-{key}": text for key, text in headers.items()}) == quota


def test_a_point_in_time_is_one_of_the_services_clock(clock: Clock) -> None:
    """Its ``Date`` tells how far away that is, however wrong the clock here."""
    clock.at += 7200
    date = {"date": formatdate(NOW, usegmt=True)}
    quota = quota_of({"x-ratelimit-limit": "9", "x-ratelimit-used": "1"} | _at(NOW + 60) | date)
    assert quota == Quota(9, 1, 60)
    assert waits.wait_of(429, _at(NOW + 60) | date, None) == 60
    until = {"retry-after": formatdate(NOW + 90, usegmt=True)}
    assert waits.wait_of(429, until | date, None) == 90


def _at(instant: float) -> dict[str, str]:
    return {"x-ratelimit-reset": f"{instant:.0f}"}


# What is held back


async def test_a_share_that_is_used_is_waited_out(router: respx.MockRouter, clock: Clock) -> None:
    """Half of the limit used, by whomever: the next request is sent when the window has ended."""
    sent: list[float] = []

    def answer(_: httpx.Request) -> httpx.Response:
        sent.append(clock())
        return told(5)

    router.route().side_effect = answer
    through = door(router, clock, 0.5)
    await through.read("POST", "/a")
    await through.read("POST", "/a")
    assert sent == [NOW, NOW + 20 + 1]
    assert len(clock.slept) == 1


async def test_a_write_does_not_wait(router: respx.MockRouter, clock: Clock) -> None:
    """It would write over what somebody edits meanwhile: it is not sent, and nothing is unclear."""
    route = router.route().mock(return_value=told(5))
    through = door(router, clock, 0.5)
    await through.read("GET", "/a")
    with pytest.raises(Unreachable, match="rate limit is used up") as caught:
        await through.write("GET", "/a")
    assert (route.call_count, caught.value.unclear, clock.slept) == (1, False, [])


async def test_below_the_share_nothing_waits(router: respx.MockRouter, clock: Clock) -> None:
    """One request below the share is sent at once."""
    router.route().side_effect = [told(4), told(5)]
    through = door(router, clock, 0.5)
    await through.read("GET", "/a")
    await through.read("GET", "/a")
    assert clock.slept == []


@pytest.mark.parametrize(("left", "waits"), [(1, 0), (0, 1)])
async def test_the_whole_limit_is_held_back_only_when_it_is_gone(
    router: respx.MockRouter, clock: Clock, left: int, waits: int
) -> None:
    """With ``rate: 100%`` only ``Remaining: 0`` makes a request wait, instead of being refused."""
    router.route().side_effect = [told(10 - left), told(0)]
    through = door(router, clock)
    await through.read("GET", "/a")
    await through.read("GET", "/a")
    assert len(clock.slept) == waits


@pytest.mark.parametrize("verb", ["read", "write"])
async def test_a_long_wait_is_given_up_before_anything_is_sent(
    router: respx.MockRouter, clock: Clock, verb: str
) -> None:
    """The error says what is used, when it resets and which key decides; nothing is unclear."""
    route = router.route().mock(return_value=told(5, reset=LONGEST_WAIT))
    through = door(router, clock, 0.5)
    await through.read("GET", "/a")
    with pytest.raises(Unreachable) as caught:
        await getattr(through, verb)("POST", "/a")
    assert (route.call_count, through.requests, clock.slept) == (1, 1, [])
    assert not caught.value.unclear
    assert caught.value.system == "svc"
    assert caught.value.message == (
        "svc: its rate limit is used up: 5 of 10 requests are used, of which instep may use up "
        "to 50%; it resets in 31 s"
    )
    assert "`rate`" in caught.value.advice
    clock.at += 2
    assert (await through.read("GET", "/a")).ok


async def test_a_wait_that_is_in_vain_ends(router: respx.MockRouter, clock: Clock) -> None:
    """Others may use up each new window: all waits of one request together have an end."""
    router.route().side_effect = lambda _: told(5, reset=20)
    through = door(router, clock, 0.5)
    await through.read("GET", "/a")
    waiting = asyncio.create_task(through.read("GET", "/a"))
    await asyncio.sleep(0)
    through.budget._note(Quota(10, 5, 40))
    with pytest.raises(Unreachable, match="rate limit"):
        await waiting
    assert clock() < NOW + LONGEST_WAIT


async def test_without_headers_nothing_is_held_back(router: respx.MockRouter, clock: Clock) -> None:
    """Nothing is known of the limit, so nothing is assumed of it."""
    router.route().respond(json={})
    through = door(router, clock, 0.01)
    await asyncio.gather(*(through.read("GET", "/a") for _ in range(50)))
    assert clock.slept == []


# Several limits


async def test_each_named_limit_is_a_budget_of_its_own(
    router: respx.MockRouter, clock: Clock
) -> None:
    """What counts a kind of request is known from its first answer, whichever record it is of."""
    router.get(path__regex="/users/").respond(json={})
    router.get(path__regex="/incidents/").mock(return_value=told(10, reset=60, name="incidents"))
    router.get("/api/v2/search").mock(return_value=told(1, reset=60, name="search"))
    through = door(router, clock)
    await through.read("GET", "/api/v2/incidents/77afaefe-9585-5eba-9e1e-195149b3dc66")
    for path in ("/api/v2/search", "/api/v2/users/7", "/api/v2/search"):
        assert (await through.read("GET", path)).ok
    with pytest.raises(Unreachable):
        await through.read("GET", "/api/v2/incidents/e8c0b1d0-0000-4000-8000-000000000002")
    assert clock.slept == []


# 429


@pytest.mark.parametrize("key", ["retry-after", "x-ratelimit-reset"])
async def test_a_429_holds_back_every_request(clock: Clock, key: str) -> None:
    """Not only the one that met it waits; of several that meet one, the longest wait counts."""
    waits = iter(("7", "3"))

    async def answer(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        is_write = request.method == "POST"
        return httpx.Response(429, headers={key: next(waits)}) if is_write else httpx.Response(204)

    through = budgeted(httpx.MockTransport(answer), clock, 1.0)
    writes = [through.write("POST", "/a") for _ in range(2)]
    for failed in await asyncio.gather(*writes, return_exceptions=True):
        assert isinstance(failed, Passing)
        assert not failed.unclear
    await through.read("GET", "/a")
    assert clock() == NOW + 7


async def test_an_hour_is_honoured_without_asking(router: respx.MockRouter, clock: Clock) -> None:
    """Asked for an hour, requests are given up unsent until it is over, cycle after cycle."""
    route = router.get(f"{URL}/a")
    route.side_effect = [httpx.Response(429, headers={"retry-after": "3600"}), told(1)]
    through = door(router, clock)
    for _ in range(3):
        with pytest.raises(Unreachable):
            await through.read("GET", "/a")
        clock.at += 60
    with pytest.raises(Unreachable, match="left alone for 3420 s"):
        await through.read("GET", "/a")
    assert route.call_count == 1
    clock.at = NOW + 3600
    assert (await through.read("GET", "/a")).ok


async def test_nobody_is_left_alone_for_ever(router: respx.MockRouter, clock: Clock) -> None:
    """A wait that cannot be meant ends after a day."""
    route = router.get(f"{URL}/a")
    route.side_effect = [httpx.Response(429, headers={"retry-after": "1e12"}), told(1)]
    through = door(router, clock)
    with pytest.raises(Unreachable):
        await through.read("GET", "/a")
    clock.at += LONGEST_WINDOW
    assert (await through.read("GET", "/a")).ok


async def test_a_limit_that_is_used_up_waits_for_its_reset(
    router: respx.MockRouter, clock: Clock
) -> None:
    """ProdManager always asks for an hour; its window may end sooner, and its headers say when."""
    used = told(11, reset=5)
    headers = {**used.headers, "retry-after": "3600"}
    router.post(f"{URL}/w").respond(429, headers=headers)
    router.get(f"{URL}/a").respond(json={})
    through = door(router, clock)
    with pytest.raises(Passing):
        await through.write("POST", "/w")
    await through.read("GET", "/a")
    assert clock() == NOW + 5 + 1


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_what_is_refused_costs_what_is_answered_costs(
    router: respx.MockRouter, clock: Clock, status: int
) -> None:
    """A record that fails is asked once, as a healthy one, and counts as one against the budget."""
    route = router.route().mock(return_value=httpx.Response(status, headers=told(5).headers))
    through = door(router, clock, 0.5)
    assert (await through.read("GET", "/a/1")).status == status
    assert route.call_count == 1
    await through.read("GET", "/a/2")
    assert len(clock.slept) == 1


# Many at once


@dataclass
class Service:
    """A service that counts in windows by the clock, and tells them in one of three shapes.

    ``others`` use up as many requests of each window at its beginning.
    """

    clock: Clock
    shape: str
    limit: int
    period: int
    others: int = 0
    ours: Counter[int] = field(default_factory=Counter)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Count a request when it comes, and answer a moment later."""
        window = int(self.clock() // self.period)
        self.ours[window] += 1
        used = self.ours[window] + self.others
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        status = 200 if used <= self.limit else 429
        return httpx.Response(status, headers=self._headers(window, used), json={})

    def _headers(self, window: int, used: int) -> dict[str, str]:
        """Tell of a window, as it was when the request came."""
        ends = (window + 1) * self.period
        left = str(int(ends - self.clock())) if self.shape == "datadog" else str(ends)
        said: dict[str, Any] = {"limit": self.limit, "reset": left}
        said["remaining"] = max(self.limit - used, 0)
        said |= {"used": used} if self.shape == "prodmanager" else {}
        return {f"x-ratelimit-{key}": str(value) for key, value in said.items()}


@pytest.mark.parametrize("shape", ["devrev", "datadog", "prodmanager"])
@pytest.mark.parametrize(
    ("limit", "rate", "others"),
    [(20, 0.25, 0), (20, 0.5, 4), (100, 0.5, 0), (9, 1.0, 0), (3, 0.3, 0), (40, 0.5, 19)],
)
async def test_no_window_is_used_beyond_the_share(
    clock: Clock, shape: str, limit: int, rate: float, others: int
) -> None:
    """However many want to, all get through in the end, and nobody is ever answered 429.

    Before anything is known of the limit, no more are sent than go at once; here that is one.
    """
    service = Service(clock, shape, limit, period=20, others=others)
    through = budgeted(httpx.MockTransport(service), clock, rate)
    clock.at += 0.7
    await through.read("GET", "/a")
    count = 3 * limit
    answers = await asyncio.gather(*(_patient(through) for _ in range(count)))
    assert {answer.status for answer in answers} == {200}
    assert sum(service.ours.values()) == 1 + count
    assert max(service.ours.values()) + others <= max(rate * limit, 1 + others)


async def _patient(through: Door) -> Any:
    """Ask until there is room, as cycle follows on cycle."""
    while True:
        with contextlib.suppress(Unreachable):
            return await through.read("POST", "/a")


async def test_at_first_sight_no_more_are_sent_than_go_at_once(clock: Clock) -> None:
    """Nothing being known of the limit, the overshoot is what was in flight at that moment."""
    service = Service(clock, "devrev", limit=100, period=20)
    through = budgeted(httpx.MockTransport(service), clock, 0.1)
    await asyncio.gather(*(_patient(through) for _ in range(60)))
    first, *rest = (service.ours[window] for window in sorted(service.ours))
    assert first == CONNECTIONS
    assert max(rest) == 10


async def test_what_is_lost_gives_its_room_back(clock: Clock) -> None:
    """A request that waits for one in flight goes when that was lost, or was called off."""
    asked: list[str] = []
    go, arrived = asyncio.Event(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path == "/a":
            return told(8)
        arrived.set()
        await go.wait()
        raise httpx.ReadError("reset")

    through = budgeted(httpx.MockTransport(answer), clock, 0.9)
    await through.read("GET", "/a")
    lost = asyncio.create_task(through.write("POST", "/lost"))
    await arrived.wait()
    waiting = asyncio.create_task(through.read("GET", "/a"))
    await _idle()
    assert asked == ["/a", "/lost"]
    go.set()
    assert (await waiting).ok
    with pytest.raises(Unreachable, match="reset"):
        await lost

    go.clear()
    arrived.clear()
    called_off = asyncio.create_task(through.write("POST", "/lost"))
    await arrived.wait()
    waiting = asyncio.create_task(through.read("GET", "/a"))
    called_off.cancel()
    assert (await waiting).ok
    assert clock.slept == []


async def _idle() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_answers_in_another_order_make_no_room(
    router: respx.MockRouter, clock: Clock
) -> None:
    """The largest count of a window stands, and a new window begins with its own."""
    router.route().side_effect = [told(5), told(3, reset=19), told(1, reset=20)]
    through = door(router, clock, 0.5)
    await through.read("GET", "/a")
    through.budget._note(Quota(10, 3, 20))
    await through.read("GET", "/a")
    assert len(clock.slept) == 1
    through.budget._note(Quota(10, 5, 20))
    through.budget._note(Quota(10, 1, 60))
    await through.read("GET", "/a")
    assert len(clock.slept) == 1


async def test_the_first_of_a_window_tells_the_others(clock: Clock) -> None:
    """When a window has ended one request finds out how the next one stands, then the rest go."""
    service = Service(clock, "devrev", limit=100, period=20)
    through = budgeted(httpx.MockTransport(service), clock, 1.0)
    await through.read("GET", "/a")
    clock.at += 30
    asking = [asyncio.create_task(through.read("GET", "/a")) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert list(service.ours.values()) == [1, 1]
    await asyncio.gather(*asking)
    assert list(service.ours.values()) == [1, 5]


async def test_a_service_that_tells_no_more_is_asked_freely(clock: Clock) -> None:
    """A limit that was switched off is forgotten with its window, and nobody waits to be told."""
    flying, most = 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0)
        flying -= 1
        return told(0) if request.url.path == "/first" else httpx.Response(204)

    through = budgeted(httpx.MockTransport(answer), clock, 0.1)
    await through.read("GET", "/first")
    clock.at += 30
    await asyncio.gather(*(through.read("GET", "/a") for _ in range(40)))
    assert (most, clock.slept) == (CONNECTIONS, [])

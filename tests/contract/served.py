"""The contract of a system that is reached by HTTP: its own transport, and a real socket."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar

import pytest
import pytest_asyncio

from instep.core.model import Word
from instep.errors import Denied, SideError, Unreachable
from instep.simulator.wire import Call, Reply
from instep.simulator.world import App, Message, Receive, Send, Simulator, World
from instep.systems.base import System
from tests.contract.suite import INCIDENTS, MARK, TOKEN, Bench, SystemSuite

NONE: Mapping[str, Any] = MappingProxyType({})
#: Seconds after which a request is given up; and where the service is to hang.
DEADLINE, SOON = 10.0, 0.4


@dataclass
class Port:
    """A port of this machine, behind which one double after another stands."""

    number: int = 0
    app: App | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Hand the connection to the double of the test."""
        assert self.app is not None
        await self.app(scope, receive, send)


class HttpSuite(SystemSuite):
    """What holds for every service, spoken to over a socket.

    Attributes:
        connect: makes the connector.
        arguments: keywords for it, beside its address and its time limit.
        double: makes the double.
        switches: keywords for it.
        shown: paths that can only be read, each with a pattern of what stands there in a record
            that has the ``words``.
    """

    connect: ClassVar[Callable[..., System]]
    arguments: ClassVar[Mapping[str, Any]]
    double: ClassVar[Callable[..., Simulator]]
    switches: ClassVar[Mapping[str, Any]] = NONE
    shown: ClassVar[Mapping[str, str]]

    @pytest_asyncio.fixture(loop_scope="class")
    async def bench(self, port: Port, kind: str) -> AsyncIterator[Bench]:
        """Put a fresh double behind the port, and connect to it; closed afterwards."""
        world = World(seed=7)
        double = type(self).double(world, token=TOKEN, incidents=INCIDENTS, **self.switches)
        port.app = double.app
        system = type(self).connect(
            "service",
            self.paths,
            url=f"http://127.0.0.1:{port.number}",
            timeout=SOON if kind == "hang" else DEADLINE,
            **self.arguments,
        )
        yield Bench(system, double, world, lambda: _later(world))
        await system.close()

    @pytest.fixture
    def kind(self, request: pytest.FixtureRequest) -> str:
        """Name the fault that a test is about, if any."""
        return str(getattr(request, "param", ""))

    async def test_requests_are_counted(self, bench: Bench) -> None:
        """Each request that the service got is counted, repeated ones too."""
        created = await self.create(bench)
        bench.world.fault(self.listing, "500-before")
        await bench.records()
        await bench.system.find(MARK)
        await bench.system.update(created, self.change)
        assert bench.system.requests == len(bench.world.requests)

    async def test_a_fresh_record_was_opened_now(self, bench: Bench) -> None:
        """Whatever zone the service's own digits are in, and to whatever part of a minute."""
        created = await self.create(bench)
        age = bench.world.now() - datetime.fromisoformat(created.opened)
        assert timedelta(seconds=-1) < age < timedelta(minutes=2)

    async def test_what_cannot_be_counted_is_none(self, bench: Bench) -> None:
        """Without the ability ``census`` there is no answer, and with it there is one."""
        counted = await bench.system.census()
        assert (counted is not None) == bool(bench.system.abilities.census)

    async def test_what_can_only_be_read_is_read(self, bench: Bench) -> None:
        """Inside lists and objects, and where the service alone writes, words are as they stand."""
        said = bench.system.words(await self.create(bench))
        strange = {path: said[path] for path in self.shown if not self.fits(path, said[path])}
        assert strange == {}

    async def test_what_can_only_be_read_is_never_written(self, bench: Bench) -> None:
        """Such a path is declared; a word that is given for it all the same is not sent."""
        created = await self.create(bench)
        assert self.shown.keys() <= bench.system.abilities.read_only
        wrong = dict.fromkeys(self.shown, "something else")
        before = bench.system.words(created)
        updated = await bench.system.update(created, {**wrong, **self.change})
        after = bench.system.words(updated.record)
        assert [path for path in self.shown if after[path] != before[path]] == []
        assert {path: after[path] for path in self.change} == dict(self.change)

    def fits(self, path: str, word: Word) -> bool:
        """Whether a word is what stands at a path that can only be read."""
        return re.fullmatch(self.shown[path], str(word)) is not None

    # Trouble

    async def test_offers_need_credentials(self, bench: Bench) -> None:
        """Refused credentials say so: they are not taken for a service without anything."""
        bench.world.fault("", "401")
        with pytest.raises(Denied):
            await bench.system.offers(dict.fromkeys(self.paths, ()))

    async def test_a_create_answered_with_an_error_is_unclear(self, bench: Bench) -> None:
        """The record was made although a 500 was answered: it is found by its mark."""
        bench.world.fault(self.creating, "500-after")
        with pytest.raises(Unreachable) as caught:
            await self.create(bench)
        assert caught.value.unclear
        assert len(await bench.system.find(MARK)) == 1

    @pytest.mark.parametrize("kind", ["500-before", "hang"], indirect=True)
    async def test_a_create_that_failed_is_unclear_and_not_found(
        self, bench: Bench, kind: str
    ) -> None:
        """From outside a failure looks the same whether the record was made or not."""
        bench.world.fault(self.creating, kind)
        with pytest.raises(Unreachable) as caught:
            await self.create(bench)
        assert caught.value.unclear
        assert await bench.system.find(MARK) == []

    @pytest.mark.parametrize(("fault", "error"), [("429", Unreachable), ("401", Denied)])
    async def test_a_refused_create_had_no_effect(
        self, bench: Bench, fault: str, error: type[SideError]
    ) -> None:
        """Too many requests and refused credentials are certain: nothing was made."""
        bench.world.fault(self.creating, fault)
        with pytest.raises(error) as caught:
            await self.create(bench)
        assert not caught.value.unclear
        assert await bench.system.find(MARK) == []

    async def test_an_update_answered_with_an_error_is_unclear(self, bench: Bench) -> None:
        """The change was made although a 500 was answered: a read tells."""
        created = await self.create(bench)
        bench.world.fault(self.updating, "500-after")
        with pytest.raises(Unreachable) as caught:
            await bench.system.update(created, self.change)
        assert caught.value.unclear
        said = bench.system.words(await bench.system.read(created.id))
        assert {path: said[path] for path in self.change} == dict(self.change)

    async def test_a_read_back_that_fails_leaves_the_write_unclear(self, bench: Bench) -> None:
        """The record was made; that it could not be read does not say that it was not."""
        bench.world.after(self.creating, lambda: bench.world.fault("", "401"))
        with pytest.raises(SideError) as caught:
            await self.create(bench)
        assert caught.value.unclear
        assert len(await bench.system.find(MARK)) == 1

    @pytest.mark.parametrize("kind", ["500-before", "429", "drop-after", "hang"], indirect=True)
    async def test_a_read_is_asked_again(self, bench: Bench, kind: str) -> None:
        """A failure that may pass does not spoil a listing."""
        bench.world.retry_after = 0
        bench.world.fault(self.listing, kind)
        assert len(await bench.records()) == INCIDENTS

    @pytest.mark.parametrize(("fault", "error"), [("401", Denied), ("html", Unreachable)])
    async def test_a_listing_that_fails_says_so(
        self, bench: Bench, fault: str, error: type[SideError]
    ) -> None:
        """Refused credentials and a page in place of JSON end a listing with an error."""
        bench.world.fault(self.listing, fault)
        with pytest.raises(error) as caught:
            await bench.records()
        assert not caught.value.unclear
        assert bench.system.name in str(caught.value)

    @pytest.mark.parametrize("kind", ["401", "429", "html", "500-before", "hang"], indirect=True)
    async def test_errors_show_no_credentials(self, bench: Bench, kind: str) -> None:
        """A service that repeats the token in its answer is not repeated by us."""
        real = bench.double.trouble

        def repeating(what: str, call: Call) -> Reply:
            reply: Reply = real(what, call)
            head, _, tail = reply.body.rpartition(b'"')
            return replace(reply, body=head + f' {TOKEN}"'.encode() + tail)

        bench.double.trouble = repeating
        bench.world.fault(self.creating, kind)
        with pytest.raises(SideError) as caught:
            await self.create(bench)
        assert TOKEN not in f"{caught.value} {caught.value.advice} {caught.value!r}"


def _later(world: World) -> None:
    """Let an hour pass for the service: whatever lags behind has caught up."""
    world.now = lambda: datetime.now(UTC) + timedelta(hours=1)

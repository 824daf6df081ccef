"""Services that refuse, fail or talk nonsense: nothing is lost, doubled or written in vain."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from instep.simulator.serve import build, serve
from instep.simulator.world import App, Message, Receive, Send
from tests.cli.sims import Line, Sims, served
from tests.cli.sims import Ran as Called
from tests.whole.program import KINDS, TOKEN, Ran, configured, instep, simulated, urls_of

pytestmark = pytest.mark.slow

#: The requests that list incidents, and all that concern them.
LISTINGS = {
    "devrev": "/incidents.list",
    "datadog": "/api/v2/incidents",
    "prodmanager": "/api/incident",
}
TITLES = {"devrev": "title", "datadog": "title", "prodmanager": "name"}
TROUBLES = ("html", "garbage", "hang", "500-before", "401", "429")


def late(ran: Ran | Called) -> list[str]:
    """Name the systems that could not be used."""
    return [name for name, tally in ran.data["systems"].items() if tally.get("why")]


def test_a_wrong_credential_stops_one_system_and_no_other(tmp_path: Path) -> None:
    """Exit 3 names the system; it is not written to, and the other two are kept in step."""
    with simulated(tmp_path, "--incidents", "1", "--token", TOKEN) as services:
        urls = urls_of(services)
        configured(tmp_path, urls, **dict.fromkeys(KINDS, "wr0ng-token"))
        ran = instep("once", "--json", cwd=tmp_path)
        assert (ran.code, ran.data["kind"]) == (3, "system")
        assert late(ran) == list(KINDS)
        assert [kind for kind in KINDS if services[kind].writes] == []

        for kind in KINDS:
            configured(tmp_path, urls, **{kind: "wr0ng-token"})
            before = {name: len(service.records) for name, service in services.items()}
            check = instep("check", "--online", cwd=tmp_path)
            assert (check.code, f"{kind}: ok" in check.out) == (3, False)
            ran = instep("once", "--json", cwd=tmp_path)
            assert (ran.code, late(ran)) == (3, [kind])
            assert kind in ran.data["systems"][kind]["why"]
            assert "wr0ng-token" not in ran.out + ran.err
            assert len(services[kind].records) == before[kind]

        configured(tmp_path, urls)
        assert instep("once", cwd=tmp_path).code == 0
        assert [len(service.records) for service in services.values()] == [3, 3, 3]


@pytest.mark.parametrize("kind", KINDS)
def test_a_system_in_trouble_costs_only_itself(line: Line, tmp_path: Path, kind: str) -> None:
    """Whatever it answers, its records stay, the others go on, and afterwards it catches up."""
    with served(incidents=2) as sims:
        _configure(tmp_path, sims)
        assert line("once").code == 0
        for number, trouble in enumerate(TROUBLES):
            # A hanging service exhausts a short patience soon; a busy machine is not to.
            _configure(tmp_path, sims, "1s" if trouble == "hang" else "20s")
            _edit_and_fail(line, sims, kind, trouble, f"Renamed {number}")
        assert line("once", "--json").data["quiet"]


def _configure(folder: Path, sims: Sims, patience: str = "20s") -> None:
    """Write the configuration, with a patience for every request."""
    urls = {kind: f"http://127.0.0.1:{port}" for kind, port in sims.ports.items()}
    path = configured(folder, urls)
    path.write_text(path.read_text().replace("timeout: 2s", f"timeout: {patience}"))


def _edit_and_fail(line: Line, sims: Sims, kind: str, trouble: str, title: str) -> None:
    """Edit in one system while another is in trouble; the third gets it now, that one later."""
    where, other = (name for name in KINDS if name != kind)
    sims.doubles[where].edit(sims.doubles[where].ids()[0], **{TITLES[where]: title})
    for nth in range(1, 50):
        sims.world.fault(LISTINGS[kind], trouble, nth)
    held = sims.doubles[kind].records()
    ran = line("once", "--json")
    assert ran.code == 3, (trouble, ran.data)
    assert late(ran) == [kind]
    assert ran.data["systems"][other]["updates"] == 1
    assert sims.doubles[kind].records() == held
    sims.world._faults.clear()
    ran = line("once", "--json")
    assert (ran.code, ran.data["systems"][kind]["updates"]) == (0, 1), (trouble, ran.data)
    assert [len(double.ids()) for double in sims.doubles.values()] == [6, 6, 6]


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_listing_takes_nothing_away(line: Line, tmp_path: Path, kind: str) -> None:
    """A whole listing without one record closes, deletes and doubles nothing."""
    with served(incidents=2) as sims:
        _configure(tmp_path, sims)
        assert line("once").code == 0
        held = sims.records()
        for nth in range(1, 50):
            sims.world.fault(LISTINGS[kind], "empty", nth)
        ran = line("backfill", "--json")
        assert (ran.code, late(ran)) in ((0, []), (3, [kind]))
        assert ran.data["quiet"]
        sims.world._faults.clear()
        assert line("backfill", "--json").data["quiet"]
        assert line("once").code == 0
        assert sims.records() == held


class Repeating:
    """A service that answers every page of a listing with the first one."""

    def __init__(self, app: App, path: str) -> None:
        """Stand before ``app``; ``path`` lists."""
        self._app = app
        self._path = path
        self._first: list[Message] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer; the first listing is kept and repeated."""
        if scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        if not self._first:

            async def keep(message: Message) -> None:
                self._first.append(message)

            await self._app(scope, receive, keep)
        for message in self._first:
            await send(message)


@contextmanager
def served_by_thread(app: App) -> Iterator[str]:
    """Serve an application from a thread; gives its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(serve(app, 0), loop).result(10)
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_listing_that_repeats_its_page_ends(line: Line, tmp_path: Path, kind: str) -> None:
    """A service that always answers the first page is not heard, and nothing is written."""
    doubles = {name: build(name, incidents=120 if name == kind else 1) for name in KINDS}
    with ExitStack() as stack:
        apps = {
            name: Repeating(double.app, LISTINGS[name]) if name == kind else double.app
            for name, double in doubles.items()
        }
        urls = {name: stack.enter_context(served_by_thread(app)) for name, app in apps.items()}
        configured(tmp_path, urls, more="")
        ran = line("once", "--json")
        assert ran.code == 3
        assert late(ran) == [kind]
    assert sum(double.world.writes for double in doubles.values()) == 0

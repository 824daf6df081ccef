"""Reload in this process: what SIGHUP changes, when, and what it leaves as it was."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import structlog

from instep.app import opened
from instep.config import Config, load
from instep.daemon import service
from instep.daemon.reload import Reloads, Source
from instep.daemon.service import PATIENCE, serve
from instep.engine.context import App
from instep.engine.report import Tally
from instep.errors import ConfigError, Problem
from instep.simulator.faults import entries
from tests.promises.staging import patient, staged

#: Seconds after which a test gives up on what should have come.
GIVEN_UP = 30.0
CONFIG = """\
ledger: sqlite:///{folder}/instep.db
every: 1h
stop_within: 1h
systems:
  devrev: {{type: devrev, url: "http://127.0.0.1:1", token: file:token}}
  status: {{type: prodmanager, url: "http://127.0.0.1:1", token: another-token}}
"""


@dataclass
class Cycles:
    """Stand-ins for cycles: they note which systems there are, and may be made to wait."""

    monkeypatch: pytest.MonkeyPatch
    names: list[list[str]] = field(default_factory=list)
    """Those there are when a cycle begins, and once more when it ends."""
    began: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Stand in, and keep nobody waiting."""
        self.go_on.set()
        self.monkeypatch.setattr(service, "run_cycle", self)

    async def under_way(self) -> None:
        """Wait for the next one to begin."""
        async with asyncio.timeout(GIVEN_UP):
            await self.began.get()

    async def __call__(self, app: App) -> None:
        """Be a cycle."""
        self.names.append(sorted(app.systems))
        self.began.put_nowait(None)
        await self.go_on.wait()
        self.names.append(sorted(app.systems))


@dataclass
class Daemon:
    """A daemon that runs in this process, and the file that it has its configuration from."""

    app: App
    path: Path
    stop: asyncio.Event
    log: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    followed: list[Config] = field(default_factory=list)
    reads: asyncio.Queue[Config] = field(default_factory=asyncio.Queue)
    change: Callable[[Config], Config] = field(default=lambda config: config)

    def source(self) -> Source:
        """Read the file as it is, and note who reads and follows."""
        loop = asyncio.get_running_loop()

        def read() -> Config:
            config = self.change(load(self.path, {}))
            loop.call_soon_threadsafe(self.reads.put_nowait, config)
            return config

        return Source(read, self.followed.append)

    def edit(self, before: str, after: str) -> None:
        """Change the file."""
        text = self.path.read_text()
        assert before in text
        self.path.write_text(text.replace(before, after))

    def hangup(self, before: str = "", after: str = "") -> None:
        """Change the file, if so, and send the signal."""
        if before:
            self.edit(before, after)
        os.kill(os.getpid(), signal.SIGHUP)

    async def read(self) -> None:
        """Wait until the file was read."""
        async with asyncio.timeout(GIVEN_UP):
            await self.reads.get()

    async def said(self, event: str) -> dict[str, Any]:
        """Wait for a log line."""
        async with asyncio.timeout(GIVEN_UP):
            while (line := await self.log.get())["event"] != event:
                pass
        return line

    def take(self, _: object, level: str, event: dict[str, Any]) -> dict[str, Any]:
        """Take in a log line."""
        self.log.put_nowait({"level": level, **event})
        raise structlog.DropEvent

    @asynccontextmanager
    async def serving(self, config: Config) -> AsyncIterator[None]:
        """Run it, and stop it in the end."""
        structlog.configure(processors=[cast("Any", self.take)])
        task = asyncio.create_task(serve(self.app, config, stop=self.stop, source=self.source()))
        try:
            await self.said("service.started")
            yield
        finally:
            self.stop.set()
            await task


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Daemon]:
    """Run a daemon between services that nobody asks for anything."""
    (folder / "token").write_text("the-first-token\n")
    path = folder / "instep.yaml"
    path.write_text(CONFIG.format(folder=folder))
    config = load(path, {})
    async with opened(config) as app:
        daemon = Daemon(app, path, asyncio.Event())
        async with daemon.serving(config):
            yield daemon


@pytest.fixture
def cycles(monkeypatch: pytest.MonkeyPatch) -> Cycles:
    """Let nothing be asked of any service."""
    return Cycles(monkeypatch)


def state(app: App) -> list[Any]:
    """Give all that a configuration makes of an app."""
    systems = list(app.systems.items())
    return [app.unit, systems, dict(app.fingerprints), app.full_sweep_every, app.patience]


async def test_a_right_file_is_taken_over(tmp_path: Path, cycles: Cycles) -> None:
    """Rules, systems and times are the new ones, the ledger is the same; old systems are closed."""
    async with running(tmp_path) as daemon:
        await cycles.under_way()
        app, before = daemon.app, dict(daemon.app.systems)
        ledger, fingerprints = app.ledger, dict(app.fingerprints)
        daemon.edit("every: 1h", "every: 2h\nfull_sweep_every: 3h")
        daemon.hangup("another-token}", 'another-token}\nfields: {title: {status: "off"}}')
        line = await daemon.said("config.reloaded")
        assert (line["level"], line["changed"]) == (
            "info",
            ["every: 3600 -> 7200", "fields.title: added", "full_sweep_every: 3600 -> 10800"],
        )
        assert "title" not in app.unit.members["status"].rules
        assert app.unit.members["status"].abilities == app.systems["status"].abilities
        changed = {name for name, old in fingerprints.items() if app.fingerprints[name] != old}
        assert changed == {"status"}
        assert (app.full_sweep_every, app.patience) == (10_800.0, 7200.0)
        assert app.ledger is ledger
        assert {id(system) for system in before.values()}.isdisjoint(map(id, app.systems.values()))
        assert all(cast("Any", each).door._client.is_closed for each in before.values())
        assert not any(cast("Any", each).door._client.is_closed for each in app.systems.values())
        assert [config.every for config in daemon.followed] == [7200.0]
    assert all(cast("Any", each).door._client.is_closed for each in app.systems.values())


async def test_a_cycle_is_neither_cut_nor_changed(tmp_path: Path, cycles: Cycles) -> None:
    """Asked for in a cycle, the reload waits for its end; the next one is under the new rules."""
    cycles.go_on.clear()
    async with running(tmp_path) as daemon:
        await cycles.under_way()
        before = state(daemon.app)
        daemon.change = lambda config: config.model_copy(update={"every": 0.01})
        daemon.hangup("  status:", "  other:")
        await daemon.read()
        assert state(daemon.app) == before
        assert daemon.followed == []
        cycles.go_on.set()
        assert "systems.other: added" in (await daemon.said("config.reloaded"))["changed"]
        await cycles.under_way()
    assert cycles.names[:3] == [["devrev", "status"]] * 2 + [["devrev", "other"]]


@pytest.mark.parametrize(
    ("before", "after", "code", "place"),
    [
        ("every: 1h", "every: 60", "E108", ":2:8"),
        ("token: file:token", "token: file:gone", "E132", ":5:60"),
    ],
)
async def test_a_wrong_file_changes_nothing(
    tmp_path: Path, cycles: Cycles, before: str, after: str, code: str, place: str
) -> None:
    """Whatever else is in it, nothing of it is in force; the log says of it what a start would."""
    async with running(tmp_path) as daemon:
        was = state(daemon.app)
        daemon.edit("another-token", "yet-another-token")
        daemon.hangup(before, after)
        line = await daemon.said("config.rejected")
        with pytest.raises(ConfigError) as refused:
            load(daemon.path, {})
        (known,) = refused.value.problems
        told = {key: getattr(known, key) for key in ("path", "message", "hint")}
        assert line["problems"] == [{"code": code, "place": f"{daemon.path}{place}", **told}]
        assert line["level"] == "error"
        assert state(daemon.app) == was
        assert daemon.followed == []
        daemon.hangup(after, before)
        assert (await daemon.said("config.reloaded"))["changed"] == ["systems.status.token"]
    assert cycles.names == [["devrev", "status"]] * 2


async def test_another_ledger_needs_a_restart(tmp_path: Path, cycles: Cycles) -> None:
    """The ledger is locked and full of what is under way: the file is refused, which says why."""
    async with running(tmp_path) as daemon:
        was = state(daemon.app)
        daemon.edit("every: 1h", "every: 2h")
        daemon.hangup("/instep.db", "/another.db")
        (problem,) = (await daemon.said("config.rejected"))["problems"]
        assert problem["path"] == "ledger"
        assert "restart" in problem["hint"]
        assert state(daemon.app) == was
        daemon.hangup("/another.db", "/instep.db")
        assert (await daemon.said("config.reloaded"))["changed"] == ["every: 3600 -> 7200"]


async def test_every_mistake_is_told_at_once(tmp_path: Path, cycles: Cycles) -> None:
    """One line of the log names all that is wrong."""
    async with running(tmp_path) as daemon:
        daemon.edit("every: 1h", "evry: 1h")
        daemon.hangup("type: prodmanager", "type: prodmanger")
        line = await daemon.said("config.rejected")
        assert [problem["path"] for problem in line["problems"]] == ["evry", "systems.status.type"]


async def test_credentials_are_read_again(tmp_path: Path, cycles: Cycles) -> None:
    """A secret in a file of its own counts as it is now; one that cannot be sent is refused."""
    async with running(tmp_path) as daemon:
        was = state(daemon.app)
        (tmp_path / "token").write_text("in two\nlines\n")
        daemon.hangup()
        (problem,) = (await daemon.said("config.rejected"))["problems"]
        assert "line break" in str(problem)
        assert state(daemon.app) == was
        (tmp_path / "token").write_text("the-second-token\n")
        daemon.hangup()
        assert (await daemon.said("config.reloaded"))["changed"] == ["systems.devrev.token"]
        assert daemon.followed[0].secrets() == ("the-second-token", "another-token")


async def test_what_cannot_be_prepared_changes_nothing(
    tmp_path: Path, cycles: Cycles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that refuses its settings as it is made ready is like a mistake in the file."""

    def refused(*_: object) -> Any:
        raise ConfigError((Problem("no header can carry that"),))

    async with running(tmp_path) as daemon:
        was = state(daemon.app)
        monkeypatch.setattr("instep.app.connect", refused)
        daemon.hangup("every: 1h", "every: 2h")
        problems = (await daemon.said("config.rejected"))["problems"]
        assert problems == [{"message": "no header can carry that"}]
        assert state(daemon.app) == was
        assert daemon.followed == []


async def test_nothing_changed_is_said_and_nothing_is_opened(
    tmp_path: Path, cycles: Cycles
) -> None:
    """A comment more is no change: the systems stay as they are, with all that they know."""
    async with running(tmp_path) as daemon:
        was = state(daemon.app)
        daemon.hangup("every: 1h", "every: 60m  # as before")
        assert (await daemon.said("config.unchanged"))["level"] == "info"
        assert state(daemon.app) == was


async def test_asked_twice_in_a_cycle_the_last_file_counts(
    tmp_path: Path, cycles: Cycles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read first and not taken over yet gives way, and is never in force."""
    asked, ask = asyncio.Event(), Reloads.ask

    def noted(reloads: Reloads) -> None:
        ask(reloads)
        asked.set()

    monkeypatch.setattr(Reloads, "ask", noted)
    cycles.go_on.clear()
    async with running(tmp_path) as daemon:
        await cycles.under_way()
        daemon.hangup("every: 1h", "every: 2h")
        await daemon.read()
        asked.clear()
        daemon.hangup("every: 2h", "every: 3h")
        await asked.wait()
        cycles.go_on.set()
        assert (await daemon.said("config.reloaded"))["changed"] == ["every: 3600 -> 10800"]
    assert [config.every for config in daemon.followed] == [10_800.0]


async def test_a_bug_in_a_reload_does_not_stop_the_daemon(tmp_path: Path, cycles: Cycles) -> None:
    """It is told with its traceback, the old configuration holds, and the next reload works."""

    def bug(_: Config) -> Config:
        raise RuntimeError("oh")

    async with running(tmp_path) as daemon:
        was = state(daemon.app)
        daemon.change = bug
        daemon.hangup("every: 1h", "every: 2h")
        line = await daemon.said("config.rejected")
        assert (line["level"], line["problems"]) == ("error", [])
        assert line["exc_info"]
        assert state(daemon.app) == was
        daemon.change = lambda config: config
        daemon.hangup()
        await daemon.said("config.reloaded")


async def test_interval_and_stop_follow(tmp_path: Path, cycles: Cycles) -> None:
    """Cycles come at the new interval, and a stop waits for them as long as the new file says."""
    async with running(tmp_path) as daemon:
        await cycles.under_way()
        times = {"every": 0.01, "stop_within": 0.001}
        daemon.change = lambda config: config.model_copy(update=times)
        daemon.hangup()
        await daemon.said("config.reloaded")
        assert daemon.app.patience == PATIENCE
        await cycles.under_way()
        cycles.go_on.clear()
        await cycles.under_way()
        daemon.stop.set()
        await daemon.said("service.stopped")


async def test_what_is_being_heard_is_given_up(tmp_path: Path, cycles: Cycles) -> None:
    """A slow system is not heard on under rules that are no more; the next cycle hears it anew."""
    async with running(tmp_path) as daemon:
        await cycles.under_way()
        heard = asyncio.create_task(asyncio.Event().wait())
        daemon.app.hearing["devrev"] = cast("Any", heard), Tally()
        daemon.hangup("every: 1h", "every: 2h")
        await daemon.said("config.reloaded")
        assert heard.cancelled()
        assert daemon.app.hearing == {}


@pytest.mark.slow
async def test_nothing_is_lost_of_what_was_being_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under way for long when the reload came, all of it is heard again, and every edit arrives."""
    monkeypatch.setattr(service, "PATIENCE", 0.2)
    async with staged(tmp_path, within=10 * GIVEN_UP) as stage:
        await stage.rest()
        datadog = stage.doubles["datadog"]
        datadog.world.plan(entries([{"route": "", "kind": "hang", "every": 1}]), "datadog")
        daemon = Daemon(stage.app, stage.path, asyncio.Event())
        times = {"every": 0.1, "stop_within": 0.1}
        daemon.change = lambda config: patient(config, 10 * GIVEN_UP).model_copy(update=times)
        stage.rename("devrev", stage.doubles["devrev"].ids()[0], "Renamed in DevRev")
        datadog.edit(datadog.ids()[1], title="Renamed in Datadog")
        stage.clock.at += 60
        async with daemon.serving(daemon.change(load(stage.path, {}))):
            await daemon.said("write.updated")
            assert "datadog" in stage.app.hearing
            daemon.hangup('"every": "2h"', '"every": "2h", "full_sweep_every": "2h"')
            await daemon.said("config.reloaded")
            datadog.world.clear()
            for _ in range(3):
                await daemon.said("write.updated")
        stage.app.patience = None
        await stage.rest()
        assert await stage.apart() == []
        for kind in stage.doubles:
            titles = stage.titles(kind)
            assert titles.count("Renamed in DevRev") == titles.count("Renamed in Datadog") == 1
            assert len(titles) == len(set(titles))


async def test_a_stop_goes_first(tmp_path: Path, cycles: Cycles) -> None:
    """A reload that waits for a cycle's end is none if a stop comes; later ones are ignored."""
    cycles.go_on.clear()
    async with running(tmp_path) as daemon:
        await cycles.under_way()
        was = state(daemon.app)
        daemon.hangup("every: 1h", "every: 2h")
        await daemon.read()
        os.kill(os.getpid(), signal.SIGTERM)
        await daemon.said("service.stopping")
        daemon.hangup("every: 2h", "every: 3h")
        cycles.go_on.set()
        await daemon.said("service.stopped")
        assert state(daemon.app) == was
    assert daemon.followed == []
    assert daemon.reads.empty()


async def test_asked_for_before_anybody_listens(tmp_path: Path, cycles: Cycles) -> None:
    """A signal that was blocked since the file was read counts; it is blocked again afterwards."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    before = signal.getsignal(signal.SIGHUP)
    try:
        # To this very thread: others may be left of earlier tests, which block nothing.
        signal.raise_signal(signal.SIGHUP)
        async with running(tmp_path) as daemon:
            await daemon.said("config.unchanged")
        assert signal.SIGHUP in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert signal.getsignal(signal.SIGHUP) == before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


async def test_without_a_source_the_signal_means_what_it_meant(
    monkeypatch: pytest.MonkeyPatch, cycles: Cycles
) -> None:
    """Where the configuration cannot be read anew, nobody takes SIGHUP."""
    before, stop = signal.getsignal(signal.SIGHUP), asyncio.Event()

    async def cycle(_: App) -> None:
        assert signal.getsignal(signal.SIGHUP) == before
        stop.set()

    monkeypatch.setattr(service, "run_cycle", cycle)
    config = cast("Any", Config.model_construct(every=3600.0, stop_within=1.0))
    app = cast("Any", type("App", (), {})())
    await serve(app, config, stop=stop)
    assert app.patience == 3600.0

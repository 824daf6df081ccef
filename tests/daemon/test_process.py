"""The daemon as a process of its own, beside simulated services."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pytest

from tests.cli.sims import TOKEN, served, written

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """Configure services that run; cycles are an hour apart."""
    with served() as sims:
        yield written(tmp_path, sims.ports, "every: 1h\nlog: {format: json}\n")


def command(*args: str | Path) -> list[str]:
    """Spell a command line of a process."""
    return [sys.executable, "-m", "instep", *map(str, args)]


@contextmanager
def daemon(config: Path | str, stdin: IO[str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run the daemon, and make sure that it ends."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("INSTEP")}
    with subprocess.Popen(
        command("run", "--config", config),
        stdin=stdin,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environ,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(stream: IO[str] | None, event: str) -> dict[str, Any]:
    """Read log lines up to an event."""
    assert stream is not None
    for text in stream:
        line: dict[str, Any] = json.loads(text)
        if line["event"] == event:
            return line
    raise AssertionError(f"it ended without {event}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_works_and_ends_cleanly(config: Path, number: signal.Signals) -> None:
    """It writes in its first cycle, ends with 0 at a signal, and says nothing on stdout."""
    with daemon(config) as process:
        done = heard(process.stderr, "cycle.completed")
        assert not done["quiet"]
        process.send_signal(number)
        assert heard(process.stderr, "service.stopping")["signal"] == number.name
        heard(process.stderr, "service.stopped")
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")
    assert TOKEN not in json.dumps(done)
    again = subprocess.run(
        command("once", "--json", "--config", config), capture_output=True, text=True, check=True
    )
    assert json.loads(again.stdout)["quiet"] is True


def test_a_second_daemon_is_refused_and_the_first_is_named(config: Path) -> None:
    """One at a time writes to a ledger: the second exits 5; reading beside the first works."""
    with daemon(config) as process:
        heard(process.stderr, "cycle.completed")
        second = subprocess.run(
            command("run", "--config", config), capture_output=True, text=True, check=False
        )
        assert second.returncode == 5
        assert f"in use by pid {process.pid}: instep run" in second.stderr
        status = subprocess.run(
            command("status", "--json", "--config", config),
            capture_output=True,
            text=True,
            check=False,
        )
        assert json.loads(status.stdout)["in_step"] is True
        process.send_signal(signal.SIGTERM)
        heard(process.stderr, "service.stopped")


def test_the_standard_input_cannot_be_read_again(config: Path) -> None:
    """A configuration from there is not reloaded: that is said, and the daemon goes on."""
    with config.open() as text, daemon("-", stdin=text) as process:
        heard(process.stderr, "cycle.completed")
        process.send_signal(signal.SIGHUP)
        (problem,) = heard(process.stderr, "config.rejected")["problems"]
        assert problem["message"] == "the standard input cannot be read again"
        process.send_signal(signal.SIGTERM)
        heard(process.stderr, "service.stopped")
        assert process.wait(30) == 0


def test_the_log_follows_the_file(config: Path) -> None:
    """Its form and level are another after a reload, and in those it tells of the next one."""
    with daemon(config) as process:
        heard(process.stderr, "cycle.completed")
        config.write_text(config.read_text().replace("{format: json}", "{format: console}"))
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        line = process.stderr.readline()
        assert " config.reloaded " in line
        assert "changed=['log.format: json -> console']" in line
        process.send_signal(signal.SIGHUP)
        assert " config.unchanged" in process.stderr.readline()


def test_a_flood_of_signals_harms_nothing(config: Path) -> None:
    """However many come, right or wrong files, before a stop or in it: it ends cleanly, with 0."""
    texts = [config.read_text().replace("every: 1h", every) for every in ("every: 2h", "every: 2")]
    with daemon(config) as process:
        heard(process.stderr, "cycle.completed")
        for number in range(50):
            config.write_text(texts[number % 2])
            process.send_signal(signal.SIGHUP)
        heard(process.stderr, "config.rejected")
        process.send_signal(signal.SIGTERM)
        while process.poll() is None:
            process.send_signal(signal.SIGHUP)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.001)
        assert process.returncode == 0
        assert process.stderr is not None
        assert "cycle.failed" not in process.stderr.read()


BUSY = """
import asyncio, signal, time
from instep.daemon.signals import handled, hangups

async def main():
    with handled([signal.SIGTERM], print), hangups(lambda: None):
        print("ready", flush=True)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            time.sleep(0.05)
            await asyncio.sleep(0)

asyncio.run(main())
"""


def test_a_flood_while_the_loop_is_busy_stops_nothing() -> None:
    """Python says nothing of a pipe that is full, which it could do only by taking a lock."""
    command = [sys.executable, "-c", BUSY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for _ in range(20_000):
            process.send_signal(signal.SIGHUP)
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, said) == (0, b"")

"""SIGHUP while services are in processes of their own and people go on editing."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.whole.program import (
    CREATE,
    KINDS,
    TOKEN,
    Running,
    Services,
    configured,
    instep,
    simulated,
    urls_of,
)

pytestmark = pytest.mark.slow

#: Seconds between two edits of one person.
PACE = 0.05
NEW = f"another-{TOKEN}"


class Log:
    """A daemon, and every log line that it has written so far."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        self.running = Running("run", cwd=folder)
        self.lines: list[dict[str, Any]] = []

    def until(self, event: str) -> dict[str, Any]:
        """Wait for a log line."""
        assert self.running.process.stderr is not None
        for text in self.running.process.stderr:
            self.lines.append(json.loads(text))
            if self.lines[-1]["event"] == event:
                return self.lines[-1]
        raise AssertionError(f"it ended without {event}")

    def hangup(self, event: str) -> dict[str, Any]:
        """Send SIGHUP, and wait for what comes of it."""
        self.running.process.send_signal(signal.SIGHUP)
        return self.until(event)

    def ended(self) -> int:
        """Stop it; answers the exit code."""
        ran = self.running.ended(signal.SIGTERM)
        self.lines += [json.loads(text) for text in ran.err.splitlines()]
        return ran.code

    def told(self, event: str) -> list[dict[str, Any]]:
        """Give the lines of one event."""
        return [line for line in self.lines if line["event"] == event]


def replaced(folder: Path, *changes: tuple[str, str]) -> None:
    """Change the configuration file."""
    path = folder / "instep.yaml"
    for before, after in changes:
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))


@contextmanager
def editing(services: Services) -> Iterator[dict[str, str]]:
    """Let two people edit, each a record of their own; answers what each has written last."""
    last: dict[str, str] = {}
    enough = threading.Event()
    people = [
        threading.Thread(target=_edit, args=(services[kind], key, last, enough))
        for kind, key in (("devrev", "title"), ("prodmanager", "description"))
    ]
    for person in people:
        person.start()
    try:
        yield last
    finally:
        enough.set()
        for person in people:
            person.join()
    assert len(last) == len(people)


def _edit(service: Any, key: str, last: dict[str, str], enough: threading.Event) -> None:
    """Write another text again and again."""
    record = service.records[0]
    for number in count():
        service.edit(record, **{key: f"{key} {number} of {service.kind}"})
        last[key] = f"{key} {number} of {service.kind}"
        if enough.wait(PACE):
            return


def texts(services: Services) -> list[list[tuple[str, str]]]:
    """Give titles and descriptions, by system, in alphabetical order."""
    devrev, datadog, page = (services[kind].records for kind in KINDS)
    about = [one["attributes"] for one in datadog]
    found = [
        [(one["title"], one.get("body")) for one in devrev],
        [(one["title"], one["fields"]["summary"]["value"]) for one in about],
        [(one["name"], one["description"]) for one in page],
    ]
    return [sorted((title, text or "") for title, text in several) for several in found]


def test_reloads_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    """A good, a bad and a good file while edits go on: all arrives, once, and the log says it all.

    The bad one is named with its place, and nothing of it counts; no secret is said.
    """
    with simulated(tmp_path, "--incidents", "4") as services:
        newest = "fields: {severity: {on_conflict: newest}}\n"
        configured(tmp_path, urls_of(services), CREATE + newest)
        log = Log(tmp_path)
        with editing(services) as last:
            log.until("cycle.completed")
            replaced(tmp_path, ("newest", "highest"))
            good = log.hangup("config.reloaded")
            log.until("cycle.completed")
            replaced(tmp_path, ("every: 1s", "every: 1"), (f"api_key: {TOKEN}", f"api_key: {NEW}"))
            bad = log.hangup("config.rejected")
            log.until("write.updated")
            log.until("cycle.completed")
            replaced(tmp_path, ("every: 1\n", "every: 2s\n"))
            better = log.hangup("config.reloaded")
            log.until("write.updated")
            log.until("cycle.completed")
        assert log.ended() == 0
        assert good["changed"] == ["fields.severity.on_conflict: newest -> highest"]
        assert [p["code"] for p in bad["problems"]] == ["E108"]
        assert bad["problems"][0]["place"] == "instep.yaml:2:8"
        assert better["changed"] == ["every: 1 -> 2", "systems.datadog.api_key"]
        assert not log.told("cycle.failed")
        assert TOKEN not in json.dumps(log.lines)
        _at_rest(tmp_path, services, last)


def _at_rest(folder: Path, services: Services, last: dict[str, str]) -> None:
    """Look for every incident, once in each system, and for what people have written last."""
    for _ in range(2):
        assert instep("once", cwd=folder).code == 0
    assert instep("once", "--json", cwd=folder).data["quiet"]
    devrev, datadog, page = texts(services)
    assert devrev == datadog == page
    assert len(devrev) == 12
    said = [text for one in devrev for text in one]
    assert [said.count(text) for text in last.values()] == [1, 1]
    assert instep("ledger", "verify", cwd=folder).code == 0


def test_what_a_changed_mapping_rewrites_is_held_over_the_limits(tmp_path: Path) -> None:
    """A field more is written to no more records in a cycle than the limits of the file allow."""
    off = "fields: {description: {prodmanager: off}}\n"
    with simulated(tmp_path, "--incidents", "4") as services:
        configured(tmp_path, urls_of(services), CREATE + off)
        log = Log(tmp_path)
        assert log.until("cycle.completed")["systems"]["prodmanager"]["creates"] == 8
        replaced(tmp_path, (off, "limits: {updates: 2}\n"))
        changed = log.hangup("config.reloaded")["changed"]
        assert changed == ["fields.description: removed", "limits.updates: 200 -> 2"]
        cycles = [log.until("cycle.completed")]
        while not cycles[-1]["held"]:
            cycles.append(log.until("cycle.completed"))
        assert max(cycle["systems"]["prodmanager"]["updates"] for cycle in cycles) == 2
        assert log.ended() == 0


def test_a_wrong_credential_is_mended_without_a_restart(tmp_path: Path) -> None:
    """A token in a file of its own is read again, and what waited for it goes on."""
    with simulated(tmp_path, "--incidents", "2", "--token", TOKEN) as services:
        configured(tmp_path, urls_of(services), CREATE, prodmanager="file:token")
        (tmp_path / "token").write_text(NEW)
        log = Log(tmp_path)
        refused = log.until("cycle.completed")
        assert (refused["state"], refused["quiet"]) == ("refused", True)
        (tmp_path / "token").write_text(TOKEN)
        assert log.hangup("config.reloaded")["changed"] == ["systems.prodmanager.token"]
        while log.until("cycle.completed")["state"] != "completed":
            pass
        assert log.ended() == 0
        devrev, datadog, page = texts(services)
        assert devrev == datadog == page
        assert TOKEN not in json.dumps(log.lines)

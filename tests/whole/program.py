"""The program as its users run it: processes, sockets and files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

#: Seconds after which a process that should have ended, or said something, is killed.
PATIENCE = 60.0
KINDS = ("devrev", "datadog", "prodmanager")
TOKEN = "t0ken-of-the-tests"
CONFIG = """\
ledger: sqlite:///instep.db
every: 1s
systems:
  devrev: {{type: devrev, url: "{devrev}", token: {token}, timeout: 2s}}
  datadog: {{type: datadog, url: "{datadog}", api_key: {token}, app_key: {token}, timeout: 2s}}
  prodmanager: {{type: prodmanager, url: "{prodmanager}", token: {token}, timeout: 2s}}
"""
CREATE = """\
create:
  devrev: {from: [datadog, prodmanager]}
  datadog: {from: [devrev, prodmanager]}
  prodmanager: {from: [devrev, datadog], set: {scope: eu-west, service: Checkout}}
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """Read what it printed as one JSON object."""
        found: dict[str, Any] = json.loads(self.out)
        return found


class Running:
    """A command that has not ended yet; it is killed if nobody hears of it for too long."""

    def __init__(self, *args: str, cwd: Path) -> None:
        """Start it."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("INSTEP")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "instep", *args],
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._guard = threading.Timer(PATIENCE, self.process.kill)
        self._guard.start()

    def said(self, what: str, *, err: bool = False) -> str:
        """Wait for a line with ``what`` in it."""
        stream = self.process.stderr if err else self.process.stdout
        assert stream is not None
        line = next((line for line in stream if what in line), "")
        assert line, f"it ended without saying {what!r}"
        return line

    def ended(self, number: signal.Signals | None = None) -> Ran:
        """Wait until it has ended, having sent it a signal."""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate()
        self._guard.cancel()
        return Ran(self.process.returncode, out, err)


def instep(*args: str, cwd: Path) -> Ran:
    """Run a command to its end."""
    return Running(*args, cwd=cwd).ended()


@dataclass(frozen=True)
class Service:
    """A simulated service behind an address, and a person with a credential of their own."""

    kind: str
    url: str
    client: httpx.Client = field(repr=False)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Give everything that it holds, oldest first."""
        found: list[dict[str, Any]] = self._peek("state")["records"]
        return found

    @property
    def writes(self) -> list[str]:
        """Give the requests that asked for a change."""
        asked = self._peek("log")["requests"]
        return [f"{one['method']} {one['path']}" for one in asked if one["is_write"]]

    def _peek(self, what: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"{self.url}/_sim/{what}").json()
        return found

    def edit(self, record: dict[str, Any], **changes: Any) -> None:
        """Change a record through the service's own API, as a person's script would."""
        status = getattr(self, f"_edit_{self.kind}")(record, changes).status_code
        assert status in {200, 302}, status

    def _edit_devrev(self, record: dict[str, Any], changes: dict[str, Any]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}", "X-DevRev-Scope": "beta"}
        url = f"{self.url}/incidents.update"
        return self.client.post(url, json={"id": record["id"], **changes}, headers=headers)

    def _edit_datadog(self, record: dict[str, Any], changes: dict[str, Any]) -> httpx.Response:
        fields = {name: {"type": "dropdown", "value": value} for name, value in changes.items()}
        data = {"type": "incidents", "id": record["id"], "attributes": {"fields": fields}}
        headers = {"DD-API-KEY": TOKEN, "DD-APPLICATION-KEY": TOKEN}
        url = f"{self.url}/api/v2/incidents/{record['id']}"
        return self.client.patch(url, json={"data": data}, headers=headers)

    def _edit_prodmanager(self, record: dict[str, Any], changes: dict[str, Any]) -> httpx.Response:
        whole = {k: v for k, v in record.items() if k not in {"id", "events", "links"}} | changes
        form = {key: value for key, value in whole.items() if value is not None}
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{self.url}/api/incident/{record['id']}/update"
        return self.client.post(url, data=form, headers=headers)


Services = Mapping[str, Service]


@contextmanager
def simulated(cwd: Path, *options: str) -> Iterator[Services]:
    """Run ``instep simulate`` three times, each on a port of its own."""
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client())
        started = {}
        for kind in KINDS:
            running = Running("simulate", kind, "--port", "0", "--seed", "3", *options, cwd=cwd)
            stack.callback(running.ended, signal.SIGTERM)
            started[kind] = running
        lines = {kind: running.said("listens on") for kind, running in started.items()}
        urls = {kind: line.partition(" on ")[2].partition(": ")[0] for kind, line in lines.items()}
        yield {kind: Service(kind, url, client) for kind, url in urls.items()}


def configured(folder: Path, urls: Mapping[str, str], more: str = CREATE, **tokens: str) -> Path:
    """Write a configuration by hand; ``tokens`` are wrong ones, by system."""
    lines = CONFIG.format(token=TOKEN, **urls).splitlines()
    for kind, token in tokens.items():
        lines = [
            line.replace(TOKEN, token) if line.startswith(f"  {kind}:") else line for line in lines
        ]
    path = folder / "instep.yaml"
    path.write_text("\n".join(lines) + "\n" + more)
    return path


def urls_of(services: Services) -> dict[str, str]:
    """Give the addresses of services."""
    return {kind: service.url for kind, service in services.items()}

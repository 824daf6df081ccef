"""The daemon between services in processes of their own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.whole.program import KINDS, Running, Services, configured, instep, simulated, urls_of

pytestmark = pytest.mark.slow


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Serve three, and configure instep for them."""
    with simulated(tmp_path, "--incidents", "4") as running:
        configured(tmp_path, urls_of(running))
        yield running


def titles(services: Services) -> list[list[str]]:
    """Give all titles, by system, in alphabetical order."""
    devrev, datadog, page = (services[kind].records for kind in KINDS)
    found: list[list[Any]] = [
        [one["title"] for one in devrev],
        [one["attributes"]["title"] for one in datadog],
        [one["name"] for one in page],
    ]
    return [sorted(several) for several in found]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_daemon_carries_edits_until_it_is_told_to_stop(
    tmp_path: Path, services: Services, number: signal.Signals
) -> None:
    """Cycle after cycle what people do arrives; a signal ends it with 0 and all is in step."""
    running = Running("run", cwd=tmp_path)
    running.said("cycle.completed", err=True)
    services["devrev"].edit(services["devrev"].records[0], title="Edited while it runs")
    running.said("write.updated", err=True)
    ran = running.ended(number)
    assert (ran.code, ran.out) == (0, "")
    assert "service.stopped" in ran.err
    instep("once", cwd=tmp_path)
    assert instep("once", "--json", cwd=tmp_path).data["quiet"]
    devrev, datadog, page = titles(services)
    assert devrev == datadog == page
    assert devrev.count("Edited while it runs") == 1


def test_a_killed_daemon_doubles_nothing(tmp_path: Path, services: Services) -> None:
    """Killed between two writes it loses no incident and makes none twice."""
    running = Running("run", cwd=tmp_path)
    running.said("write.created", err=True)
    running.ended(signal.SIGKILL)
    before = sum(len(service.records) for service in services.values())
    assert before > 12
    ran = instep("once", "--json", cwd=tmp_path)
    assert ran.code in {0, 1}
    for several in titles(services):
        # What was not sent before the kill may have to wait until that is certain.
        assert len(set(several)) == len(several)
        assert len(several) <= 12
    assert ran.data["incidents"] == 12

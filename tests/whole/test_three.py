"""Three simulated services in processes of their own, and a configuration written by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.whole.program import KINDS, Services, configured, instep, simulated, urls_of

pytestmark = pytest.mark.slow


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Serve three, and configure instep for them."""
    with simulated(tmp_path) as running:
        configured(tmp_path, urls_of(running))
        yield running


def writes(services: Services) -> dict[str, int]:
    """Count the requests that asked each service for a change."""
    return {kind: len(service.writes) for kind, service in services.items()}


def planned(operations: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """Count what is planned, by system and kind."""
    kinds = {"create": "create", "update": "update", "close": "update"}
    return Counter((each["system"], kinds[each["op"]]) for each in operations)


def done(report: dict[str, Any]) -> Counter[tuple[str, str]]:
    """Count what was done, by system and kind."""
    return Counter(
        {
            (name, kind): count
            for name, tally in report["systems"].items()
            for kind, count in (
                ("create", tally["creates"]),
                ("update", tally["updates"] + tally["closes"]),
            )
        }
    )


def test_from_the_first_check_to_rest(tmp_path: Path, services: Services) -> None:
    """``check --online`` passes, ``plan`` writes nothing, ``once`` does what it listed, then rest.

    After that an edit in each system is everywhere two cycles later, and there is rest again.
    """
    assert instep("check", "--online", "--json", cwd=tmp_path).code == 0
    plan = instep("plan", "--json", cwd=tmp_path)
    listed = planned(plan.data["operations"])
    assert plan.code == 0
    assert [kind for kind in KINDS if listed[kind, "create"] != 16] == []
    assert writes(services) == dict.fromkeys(KINDS, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["instep.yaml"]

    first = instep("once", "--json", cwd=tmp_path)
    assert (first.code, first.err) == (0, "")
    assert +done(first.data) == +listed
    after = writes(services)
    assert sum(after.values()) == sum(listed.values())
    ledger = (tmp_path / "instep.db").read_bytes()
    quiet = instep("plan", "--json", cwd=tmp_path)
    assert quiet.data["operations"] == []
    assert (tmp_path / "instep.db").read_bytes() == ledger
    second = instep("once", "--json", cwd=tmp_path)
    assert (second.code, second.data["quiet"]) == (0, True)
    assert writes(services) == after

    _edits_arrive(tmp_path, services)


def test_a_plan_is_done_as_it_is_or_not_at_all(tmp_path: Path, services: Services) -> None:
    """What the services log as asked of them is the list of the plan; said twice it is refused.

    So is a plan whose world moved: exit 4, no write, and the next plan can be done.
    """
    assert instep("plan", "--out", "plan.json", cwd=tmp_path).code == 0
    listed = planned(json.loads((tmp_path / "plan.json").read_text())["operations"])
    done_once = instep("once", "--plan", "plan.json", cwd=tmp_path)
    assert (done_once.code, done_once.err) == (0, "")
    after = writes(services)
    assert after == {kind: listed[kind, "create"] + listed[kind, "update"] for kind in KINDS}
    assert instep("once", "--plan", "plan.json", cwd=tmp_path).code == 4

    devrev = services["devrev"]
    devrev.edit(devrev.records[0], title="One name")
    assert instep("plan", "--out", "plan.json", cwd=tmp_path).code == 0
    devrev.edit(devrev.records[0], title="Another name")
    moved = instep("once", "--plan", "plan.json", "--json", cwd=tmp_path)
    assert (moved.code, moved.data["kind"]) == (4, "moved")
    assert "-> One name, now " in moved.err
    assert "-> Another name; devrev said so at " in moved.err
    # The two edits are the person's.
    assert writes(services) == {**after, "devrev": after["devrev"] + 2}
    assert instep("plan", "--out", "plan.json", cwd=tmp_path).code == 0
    assert instep("once", "--plan", "plan.json", cwd=tmp_path).code == 0
    assert instep("once", "--json", cwd=tmp_path).data["quiet"]


def _edits_arrive(folder: Path, services: Services) -> None:
    """Edit another field in each system, each of another incident, and look for all of it."""
    devrev, datadog, page = (services[kind] for kind in KINDS)
    devrev.edit(devrev.records[0], title="Renamed in DevRev")
    datadog.edit(datadog.records[1], severity="SEV-5")
    page.edit(page.records[2], description="Told on the page")
    changed = Counter[str]()
    for _ in range(2):
        cycle = instep("once", "--json", cwd=folder)
        assert cycle.code == 0
        changed.update({name: tally["updates"] for name, tally in cycle.data["systems"].items()})
    # Each edit is one write in each of the two other systems.
    assert changed == dict.fromkeys(KINDS, 2)
    titles = [
        [one["title"] for one in devrev.records],
        [one["attributes"]["title"] for one in datadog.records],
        [one["name"] for one in page.records],
    ]
    assert [several.count("Renamed in DevRev") for several in titles] == [1, 1, 1]
    severities = [
        next(
            one["severity"]["label"]
            for one in devrev.records
            if one["title"] == datadog.records[1]["attributes"]["title"]
        ),
        next(
            one["severity"]
            for one in page.records
            if one["name"] == datadog.records[1]["attributes"]["title"]
        ),
    ]
    assert severities == ["sev-3", "minor"]
    told = "Told on the page"
    assert [one.get("body") for one in devrev.records].count(told) == 1
    summaries = [one["attributes"]["fields"]["summary"]["value"] for one in datadog.records]
    assert summaries.count(told) == 1
    assert instep("once", "--json", cwd=folder).data["quiet"]

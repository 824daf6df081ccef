"""Promise 8: a plan is the truth.

``plan`` writes nothing to any service and leaves the ledger as it is, byte by byte. What is done
by a plan's file is what the file lists. Where anything moved since, it is refused with an exit
code of its own, and says what moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instep.simulator.hands import TITLES
from instep.simulator.serve import KINDS
from tests.cli.sims import Line, Sims, served, written
from tests.cli.test_plan_file import journal, listed, logged

NAMES = {"devrev": "devrev", "datadog": "datadog", "prodmanager": "status"}


@pytest.fixture
def sims(tmp_path: Path) -> Iterator[Sims]:
    """Serve the three services, and configure instep for them."""
    with served(incidents=3) as running:
        written(tmp_path, running.ports)
        yield running


def deeds(sims: Sims) -> None:
    """Let people open, rename and resolve incidents, each in another service."""
    devrev, datadog, page = (sims.doubles[kind] for kind in KINDS)
    devrev.add(title="Opened since")
    datadog.edit(datadog.ids()[0], title="Renamed since")
    page.edit(page.ids()[0], description="Told since")
    devrev.edit(devrev.ids()[0], stage="resolved")


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Read everything that the ledger consists of."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("instep.db*"))}


def last(folder: Path) -> int:
    """Count the writes that the journal knows."""
    return sum(journal(folder).values())


@pytest.mark.parametrize("known", [False, True], ids=["first", "later"])
def test_a_plan_writes_nothing_and_is_done_as_listed(
    line: Line, sims: Sims, tmp_path: Path, known: bool
) -> None:
    """No write to a service, no byte of the ledger; then the very list is done, and no more."""
    if known:
        assert line("once").code == 0
        deeds(sims)
    writes, ledger, records = sims.world.writes, bytes_of(tmp_path), sims.records()
    before = logged(sims)
    assert line("plan", "--out", "plan.json").code == 0
    assert line("plan", "--json").code == 0
    assert (sims.world.writes, bytes_of(tmp_path), sims.records()) == (writes, ledger, records)
    wanted = listed(tmp_path / "plan.json")
    assert wanted
    old = journal(tmp_path) if known else Counter[Any]()
    done = line("once", "--plan", "plan.json", "--json")
    assert (done.code, done.data["state"]) == (0, "completed")
    assert journal(tmp_path) - old == wanted
    # The services' own logs say the same.
    asked = logged(sims) - before
    kinds = Counter(
        (s, "create" if op == "create" else "update") for s, op, *_ in wanted.elements()
    )
    assert asked == kinds
    assert line("once", "--json").data["quiet"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("deed", ["edited", "opened", "deleted"])
def test_what_moved_is_told_and_nothing_is_written(
    line: Line, sims: Sims, tmp_path: Path, kind: str, deed: str
) -> None:
    """A record edited, opened or deleted after the plan was made: exit 4, no write, and which."""
    assert line("once").code == 0
    deeds(sims)
    assert line("plan", "--out", "plan.json").code == 0
    double = sims.doubles[kind]
    match deed:
        case "edited":
            double.edit(double.ids()[0], **{TITLES[kind]: "Moved in between"})
        case "opened":
            double.add(**{TITLES[kind]: "Moved in between"})
        case _:
            double.delete(double.ids()[0])
    writes, records = sims.world.writes, sims.records()
    ran = line("once", "--plan", "plan.json", "--json")
    assert (ran.code, ran.data["kind"]) == (4, "moved")
    assert (sims.world.writes, sims.records()) == (writes, records)
    assert NAMES[kind] in ran.err
    assert ("Moved in between" in ran.err) == (deed == "edited")
    # The next plan is as good as any.
    assert line("plan", "--out", "plan.json").code in (0, 1)
    assert line("once", "--plan", "plan.json").code in (0, 1)

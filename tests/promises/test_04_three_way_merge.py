"""Promise 4: a merge per field, over three systems.

Title edited in one system, severity in another, status in the third within one cycle: all three
end with all three edits. Whatever is edited where, no edit that nobody contradicts is lost.
"""

from __future__ import annotations

import asyncio
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instep.core.model import Word
from instep.engine.cycle import run_cycle
from instep.simulator.serve import KINDS
from tests.engine.world import DEV_STATUS, DEV_WORDS, DOG_STATUS, DOG_WORDS, SEVERITY, STATUS, World
from tests.promises.staging import staged

#: field -> how a person sets it in each service: path and own word, all for one common word.
EDITS = {
    "title": {
        "devrev": ("title", "Checkout down"),
        "datadog": ("title", "Checkout down"),
        "prodmanager": ("name", "Checkout down"),
    },
    "severity": {
        "devrev": ("severity", "sev-1"),
        "datadog": ("severity", "SEV-2"),
        "prodmanager": ("severity", "high"),
    },
    "status": {
        "devrev": ("stage", "mitigated"),
        "datadog": ("state", "stable"),
        "prodmanager": ("status", "stable"),
    },
}
#: system -> path -> the words that a person may set there; field -> where each system keeps it.
#: Without blanks at their ends: what a service would keep of those is its spelling, not an edit.
TEXTS = st.text("abc xyz", min_size=4, max_size=12).map(str.strip).filter(lambda t: len(t) > 3)
INSTANTS = st.sampled_from([f"2026-01-0{day}T10:0{day}:00Z" for day in range(1, 6)])
SAID: dict[str, dict[str, st.SearchStrategy[str]]] = {
    "dev": {
        "title": TEXTS,
        "body": TEXTS,
        "severity": st.sampled_from(sorted(DEV_WORDS)),
        "stage": st.sampled_from(sorted(DEV_STATUS)),
        "identified": INSTANTS,
    },
    "dog": {
        "title": TEXTS,
        "summary": TEXTS,
        "severity": st.sampled_from(sorted(set(DOG_WORDS) - {"UNKNOWN"})),
        "state": st.sampled_from(sorted(DOG_STATUS)),
        "impact_start": INSTANTS,
    },
    "page": {
        "name": TEXTS,
        "description": TEXTS,
        "severity": st.sampled_from(SEVERITY),
        "status": st.sampled_from(STATUS),
    },
}
FIELDS = ("title", "description", "severity", "status", "started_at")


@pytest.mark.parametrize("order", list(permutations(KINDS)), ids="-".join)
async def test_title_severity_and_status_edited_in_three_systems_all_stand(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    """One field in each of the three within one cycle: every service ends with all three edits."""
    async with staged(tmp_path, incidents=0) as stage:
        first = stage.add("devrev", "Checkout slow", severity="sev-2")
        await stage.rest()
        assert stage.doubles["devrev"].ids() == [first]
        for field, kind in zip(EDITS, order, strict=True):
            path, word = EDITS[field][kind]
            (record,) = stage.doubles[kind].ids()
            stage.doubles[kind].edit(record, **{path: word})
        report = await stage.cycle()
        assert (report.exit_code, report.attic) == (0, 0)
        says = {kind: next(iter(stage.told(kind).values())) for kind in KINDS}
        assert {one.title for one in says.values()} == {"Checkout down"}
        assert {kind: one.status for kind, one in says.items()} == {
            kind: EDITS["status"][kind][1] for kind in KINDS
        }
        raw = {kind: stage.doubles[kind].records()[0] for kind in KINDS}
        severity = raw["datadog"]["attributes"]["fields"]["severity"]["value"]
        assert raw["devrev"]["severity"]["label"] == EDITS["severity"]["devrev"][1]
        assert severity == EDITS["severity"]["datadog"][1]
        assert raw["prodmanager"]["severity"] == EDITS["severity"]["prodmanager"][1]
        assert (await stage.cycle()).writes == 0


@st.composite
def rounds(draw: st.DrawFn) -> list[dict[str, tuple[str, str, str]]]:
    """Draw what people edit between cycles: for some fields a system, its path and a word."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        edits = {}
        for field in draw(st.sets(st.sampled_from(FIELDS), min_size=1)):
            systems = ("dev", "dog") if field == "started_at" else tuple(SAID)
            system = draw(st.sampled_from(systems))
            path = list(SAID[system])[FIELDS.index(field)]
            edits[field] = (system, path, draw(SAID[system][path]))
        found.append(edits)
    return found


@pytest.mark.slow
@settings(max_examples=40)
@given(rounds())
def test_no_edit_that_nobody_contradicts_is_lost(
    history: list[dict[str, tuple[str, str, str]]],
) -> None:
    """Random edits, each field in one system a cycle: each edit stands, and all others agree.

    The system in which a person edited still says just what they typed, but for its own
    spelling; what the others say stands for it, each in its own words, however lossy.
    """
    world = World()
    begun = {"title": ("dev", "title", "Checkout slow")}
    for edits in [begun, *history]:
        told: dict[str, Word] = {}
        for field, (system, path, word) in edits.items():
            memory = world.memories[system]
            record = next(iter(memory.records), None) or memory.add()
            memory.edit(record, **{path: word})
            told[field] = memory.records[record].words.get(path)
        world.clock.at += 60
        asyncio.run(run_cycle(world.app))
        for field, said in told.items():
            assert lost(world, field, edits[field][0], said) == []
        before = world.writes()
        world.clock.at += 60
        asyncio.run(run_cycle(world.app))
        assert world.writes() == before


def lost(world: World, field: str, system: str, word: Word) -> list[str]:
    """Name the systems that do not say what a person set in one of them."""
    values = world.unit.members[system].rules[field].reads(word)
    found = []
    for name, memory in world.memories.items():
        rule = world.unit.members[name].rules[field]
        (held,) = memory.records.values()
        own = rule.own(held.words.get(rule.path))
        stands = own == word if name == system else any(rule.agrees(own, v) for v in values)
        found += [] if stands else [f"{name} says {own!r} where {system} said {word!r}"]
    return found

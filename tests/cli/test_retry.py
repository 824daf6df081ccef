"""Trying again what services refused: all of it, one system's, or one incident's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.sims import Line, Sims, written


@pytest.fixture
def refused(line: Line, sims: Sims, tmp_path: Path) -> Sims:
    """Let two services refuse the new titles of two incidents, once."""
    written(tmp_path, sims.ports)
    line("once")
    sims.world.fault("PATCH /api/v2/incidents/", "500-before", every=1, status=400, times=2)
    sims.world.fault("incidents.update", "500-before", every=1, status=400, times=2)
    page = sims.doubles["prodmanager"]
    for number, record in enumerate(page.ids()[:2]):
        page.edit(record, name=f"Name {number}")
    line("once")
    assert len(waiting(line)) == 4
    return sims


def waiting(line: Line) -> list[tuple[str, dict[str, Any]]]:
    """List what is held, with its system."""
    found = line("held", "--json").data["held"]
    return [(group["system"], op) for group in found for op in group["operations"]]


def tries(line: Line) -> list[int]:
    """List how often each was refused since a person last said to try again."""
    return sorted(operation["tries"] for _, operation in waiting(line))


def test_all_that_was_refused_is_tried_again(line: Line, refused: Sims) -> None:
    """Without a target all of it goes in the next cycle, with all its tries before it."""
    before = refused.world.writes
    assert line("once", "--json").data["quiet"]
    assert refused.world.writes == before
    ran = line("retry", "--json")
    assert (ran.code, ran.data["retried"]) == (0, 4)
    assert tries(line) == [0, 0, 0, 0]
    assert "tried again in the next cycle" in line("held").out
    report = line("once", "--json").data
    assert (report["exit"], report["due"]) == (0, 0)
    assert refused.world.writes == before + 4
    assert line("retry").out == "nothing is refused\n"


def test_a_target_is_found_by_all_its_names(line: Line, refused: Sims) -> None:
    """A record's URL names its incident; only that one is tried again."""
    assert refused.world.writes
    number = waiting(line)[0][1]["incident"]
    url = line("explain", str(number), "--json").data["references"][0]["url"]
    assert line("retry", url, "--json").data["retried"] == 2
    assert tries(line) == [0, 0, 1, 1]
    again = [op["incident"] for _, op in waiting(line) if op["tries"] == 0]
    assert again == [number, number]


def test_one_system_may_be_tried_alone(line: Line, refused: Sims) -> None:
    """``--system`` leaves the others waiting."""
    assert refused.world.writes
    assert line("retry", "--system", "datadog").out.startswith("2 operations tried again")
    assert {name for name, op in waiting(line) if op["tries"] == 0} == {"datadog"}
    once = line("once", "--json").data
    assert [name for name, tally in once["systems"].items() if tally["updates"]] == ["datadog"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--system", "nobody"), "one of devrev, datadog, status"),
        (("IR-999999",), "tried as an incident's number"),
    ],
)
def test_a_wrong_name_is_a_usage_error(
    line: Line, sims: Sims, tmp_path: Path, args: tuple[str, ...], said: str
) -> None:
    """An unknown system or target exits 2 and names what there is."""
    written(tmp_path, sims.ports)
    line("once")
    ran = line("retry", *args, "--json")
    assert (ran.code, ran.data["kind"]) == (2, "usage")
    assert said in ran.data["advice"]
    assert line("retry", "1").out == "nothing of it is refused or let go\n"

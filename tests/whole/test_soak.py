"""The soak: what is left when everything has gone wrong for a while."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import stamina

from tests.whole.soak import soak

#: Cycles soaked by default; SOAK asks for more of them, SEED for other ones.
CYCLES = int(os.environ.get("SOAK", "40"))
SEED = int(os.environ.get("SEED", "1"))
POLLS = {
    "usual": {},
    "sparing": {
        "devrev": ", poll: {by: group, group_by: stage}",
        "datadog": ", poll: {by: open}",
        "prodmanager": ", poll: {by: open}",
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("polls", sorted(POLLS))
def test_after_any_trouble_all_are_in_step(tmp_path: Path, polls: str) -> None:
    """Faults of every kind, outages, clock jumps, restarts and people's edits leave nothing apart.

    With the faults off, two cycles bring the three services in step: no record twice, no edit
    lost (it stands, lost a conflict into the attic, or was written over by a person who saw it),
    and the next cycle writes nothing.
    """
    with stamina.set_testing(True, attempts=4, cap=True):
        done, quiet = soak(SEED, CYCLES, tmp_path, **POLLS[polls])
    print(f"soak {polls}: seed {SEED}, {dict(done.counts)}")  # noqa: T201 - shown with -s
    assert done.apart == []
    assert done.lost == []
    assert (quiet.writes, quiet.due, quiet.dead, quiet.held) == (0, 0, 0, 0)
    assert done.counts["struck"] > 0

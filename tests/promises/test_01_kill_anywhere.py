"""Promise 1: killed anywhere, nothing is lost and nothing doubled.

Every kind of deed in every service, each by itself, is in ``tests/kill/test_matrix.py``; that the
kill points are all there is proven in ``tests/kill/test_steps.py``. Here all kinds of deeds go
through the same machine in one cycle.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kill.scenarios import MIXED
from tests.kill.stage import Stage
from tests.kill.summary import POINTS
from tests.kill.test_matrix import kill_everywhere


@pytest.mark.slow
def test_killed_at_any_step_each_intent_is_done_once(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    """SIGKILL at any step of a mixed cycle, then a restart: one record for each, all in step.

    Steps are before and after each commit, each request and each part of the cycle; all of them
    are gone through. What is looked for afterwards: as many records in each service as there are
    incidents, each deed arrived once, nothing open, held or due, a sound ledger, a quiet cycle.
    """
    made = kill_everywhere(stage, MIXED)
    record_property(POINTS, (str(MIXED), len(made.steps), len(made.states)))
    for part in ("desk journal.decide", "POST ", "GET ", "hear ", "settle batch"):
        assert any(step.startswith(f"before {part}") for step in made.steps), part
        assert any(step.startswith(f"after {part}") for step in made.steps), part
    assert len(made.states) > 10
    assert made.faults == []

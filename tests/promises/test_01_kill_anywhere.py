"""Promise 1: killed anywhere, nothing is lost and nothing doubled.

The whole matrix, every kind of deed in every service and a mixed run, is in
``tests/kill/test_matrix.py``; that its kill points are all there is proven in
``tests/kill/test_steps.py``. Here one small mixed run goes through the same machine.
"""

from __future__ import annotations

import pytest

from tests.kill.scenarios import Scenario
from tests.kill.stage import Stage
from tests.kill.test_matrix import kill_everywhere

#: A record is made, and another one closed, in one and the same cycle.
SMALL = Scenario((("create", "datadog"), ("close", "devrev")))


@pytest.mark.slow
def test_killed_at_any_step_each_intent_is_done_once(stage: Stage) -> None:
    """SIGKILL at any step of a mixed cycle, then a restart: one record for each, all in step.

    Steps are before and after each commit, each request and each part of the cycle; all of them
    are gone through. What is looked for afterwards: as many records in each service as there are
    incidents, each deed arrived once, nothing open, held or due, a sound ledger, a quiet cycle.
    """
    made = kill_everywhere(stage, SMALL)
    for part in ("desk journal.decide", "POST ", "GET ", "hear ", "settle batch"):
        assert any(step.startswith(f"before {part}") for step in made.steps), part
        assert any(step.startswith(f"after {part}") for step in made.steps), part
    assert len(made.states) > 10
    assert made.faults == []

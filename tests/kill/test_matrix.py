"""Promise: killed at any step, nothing is lost and nothing doubled.

A cycle with several deeds is gone through in ``tests/promises/test_01_kill_anywhere.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from signal import SIGKILL

import pytest

from tests.kill.machine import Ran
from tests.kill.scenarios import SINGLE, Ending, Scenario
from tests.kill.stage import Moment, Stage
from tests.kill.summary import POINTS


@dataclass
class Matrix:
    """One cycle that is killed over and over: the steps met, the states left, what went wrong.

    The program is started again from every state that a kill leaves behind, which is the ledger
    and the services as they are then. Many steps leave what another one left: that is gone
    through once.
    """

    stage: Stage
    ending: Ending
    before: Moment
    steps: list[str] = field(default_factory=list)
    states: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def kill(self, at: int | str) -> Ran:
        """Kill a run at a step, and start the program again."""
        self.stage.back_to(self.before)
        ran = self.stage.run(at)
        if ran.code == -SIGKILL:
            self.steps.append(ran.steps[-1])
            self._start_again(ran.steps[-1])
        else:
            assert ran.code == 0, ran.out
        return ran

    def _start_again(self, step: str) -> None:
        """Go on from what is left, if that was never left before."""
        if (state := self.stage.state()) in self.states:
            return
        self.states.add(state)
        missed = [*([] if self.stage.rest() else ["no rest"]), *self.ending.missed(self.stage)]
        self.faults += [f"killed {step}: {what}" for what in missed]


def kill_everywhere(stage: Stage, scenario: Scenario) -> Matrix:
    """Kill a cycle at its first step, its second, and so on, until it ends before it is killed."""
    ending = scenario.play(stage)
    made = Matrix(stage, ending, stage.moment())
    for number in count(1):
        ran = made.kill(number)
        if ran.code == 0:
            break
        assert len(ran.steps) == number
    # What goes on side by side takes its steps in another order each time, and a busy machine
    # concludes in more groups: what was never met by its number is met by its name.
    for name in sorted(set(ran.steps) - set(made.steps)):
        made.kill(name)
    assert set(ran.steps) <= set(made.steps)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SINGLE, ids=str)
def test_killed_at_any_step_all_ends_in_step(
    stage: Stage, scenario: Scenario, record_property: Callable[[str, object], None]
) -> None:
    """One record per incident in each service, every deed arrived, then a cycle that is quiet."""
    made = kill_everywhere(stage, scenario)
    record_property(POINTS, (str(scenario), len(made.steps), len(made.states)))
    assert made.faults == []

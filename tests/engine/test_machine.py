"""The state machine under every policy for conflicts, for records that are gone, and limits."""

from __future__ import annotations

import os
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings

from instep.core.fields import Decide
from instep.core.unit import OnGone
from tests.engine.machine import Machine
from tests.engine.mortal import TIGHT

#: Random histories run by default, of each machine; HISTORIES asks for more of them.
HISTORIES = int(os.environ.get("HISTORIES", "10"))


class PreferMachine(Machine):
    """One system is preferred, and what is deleted there is made anew."""

    policy = Decide.PREFER
    gone = {"page": OnGone.RECREATE}  # noqa: RUF012 - read only


class ManualMachine(Machine):
    """A person decides every conflict, and what is over tight limits."""

    policy = Decide.MANUAL
    limits = TIGHT


class HighestMachine(Machine):
    """The graver word wins, and an incident ends with its record in one system."""

    policy = Decide.HIGHEST
    gone = {"dog": OnGone.CLOSE}  # noqa: RUF012 - read only


class LowestMachine(Machine):
    """The milder word wins, and the records of an incident go together, within tight limits."""

    policy = Decide.LOWEST
    gone = {"dev": OnGone.DELETE}  # noqa: RUF012 - read only
    limits = TIGHT


SETTINGS = settings(
    max_examples=HISTORIES,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A found history is shown as it was found: shrinking one takes longer than reading it.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


def _tests(machine: type[Machine]) -> type[Any]:
    """Make the test of a machine."""
    machine.TestCase.settings = SETTINGS
    return machine.TestCase


TestNewest = _tests(Machine)
TestPrefer = _tests(PreferMachine)
TestManual = _tests(ManualMachine)
TestHighest = _tests(HighestMachine)
TestLowest = _tests(LowestMachine)


@pytest.fixture(autouse=True)
def _silent() -> Any:
    """Log nothing: thousands of histories would."""
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()


def _drop(*_: object) -> Any:
    """Drop a log line."""
    raise structlog.DropEvent

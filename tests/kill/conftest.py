"""Fixtures of the kill matrix; its numbers are printed at the end of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kill.machine import Machine, machine
from tests.kill.stage import Moment, Stage
from tests.kill.summary import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]


@pytest.fixture(scope="session")
def the_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Start ports and the forking parent, once for all tests."""
    with machine(tmp_path_factory.mktemp("kill")) as started:
        yield started


@pytest.fixture(scope="session")
def in_step(the_machine: Machine) -> Moment:
    """Bring three services in step, once for all tests."""
    stage = Stage(the_machine)
    assert stage.rest()
    assert stage.apart() == []
    return stage.moment()


@pytest.fixture
def stage(the_machine: Machine, in_step: Moment) -> Stage:
    """Give a stage on which all is in step."""
    made = Stage(the_machine)
    made.back_to(in_step)
    return made

"""Fixtures of the promises: a command line, a calm log, and the stage of the kill matrix."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
import structlog

from tests.cli.sims import Line
from tests.kill.conftest import in_step, stage, the_machine
from tests.kill.summary import pytest_terminal_summary

__all__ = ["in_step", "pytest_terminal_summary", "stage", "the_machine"]


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in an empty folder, without the environment's settings, waits, or its log."""
    monkeypatch.chdir(tmp_path)
    for name in ("INSTEP_CONFIG", "INSTEP_LOG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with stamina.set_testing(True, attempts=4, cap=True):
        yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str]) -> Line:
    """Give the command line."""
    return Line(capsys)

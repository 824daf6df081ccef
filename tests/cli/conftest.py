"""Fixtures of the command line: a folder to work in, simulated services, and a clean log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
import structlog

from tests.cli.sims import Line, Sims, served


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in an empty folder, without the environment's settings, waits, or its log."""
    monkeypatch.chdir(tmp_path)
    for name in ("INSTEP_CONFIG", "INSTEP_LOG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with stamina.set_testing(True, attempts=1):
        yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str]) -> Line:
    """Give the command line."""
    return Line(capsys)


@pytest.fixture
def sims() -> Iterator[Sims]:
    """Serve the three services."""
    with served() as running:
        yield running

"""Fixtures of the whole program: for commands called in this process, a clean log and no waits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
import structlog

from tests.cli.sims import Line


@pytest.fixture
def line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Line]:
    """Give a command line in an empty folder that does not wait before it asks again."""
    monkeypatch.chdir(tmp_path)
    for name in ("INSTEP_CONFIG", "INSTEP_LOG", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with stamina.set_testing(True, attempts=1):
        yield Line(capsys)
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()

"""What others published about the services: kept beside the checkout, as not all may be shipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[2] / "shared"


def reference(*parts: str) -> Path:
    """Answer the path of a reference document or folder; skip where it is absent, fail in CI.

    Usable inside a test, in a fixture, and while a module is collected.
    """
    path = BESIDE.joinpath(*parts)
    if path.exists():
        return path
    said = f"the reference {'/'.join(parts)} is not at hand"
    if "CI" in os.environ:
        pytest.fail(said, pytrace=False)
    pytest.skip(said, allow_module_level=True)

"""Secrets leave instep only towards the service that they are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.whole.program import KINDS, configured, instep, simulated, urls_of

#: Everything that prints what it knows, at the loudest.
COMMANDS = (
    ("check", "--online", "--show", "--debug"),
    ("plan", "--json", "--debug"),
    ("once", "--json", "--debug"),
    ("once", "--debug"),
    ("status", "--json", "--debug"),
    ("explain", "1", "--debug"),
    ("held", "--debug"),
    ("conflicts", "--debug"),
)


@pytest.mark.parametrize("right", [True, False])
def test_no_token_is_ever_said_or_kept(tmp_path: Path, right: bool) -> None:
    """Neither output at debug level nor the ledger holds a token, accepted or refused."""
    canary = "c4n4ry-" + "d0-n0t-s4y" * 3
    token = canary if right else "another-token"
    with simulated(tmp_path, "--incidents", "2", "--token", token) as services:
        path = configured(tmp_path, urls_of(services), **dict.fromkeys(KINDS, canary))
        assert path.read_text().count(canary) >= len(KINDS)
        said = [instep(*command, cwd=tmp_path) for command in COMMANDS]
    assert said[2].code == (0 if right else 3)
    for command, ran in zip(COMMANDS, said, strict=True):
        assert canary not in ran.out + ran.err, command
    for file in tmp_path.glob("instep.db*"):
        assert canary.encode() not in file.read_bytes(), file.name

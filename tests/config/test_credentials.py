"""Secrets: where they come from, and that nobody sees them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.config import Config, load, loads
from instep.config.schema import DevRev
from instep.errors import ConfigError
from tests.config.broken import ENVIRON, SYSTEMS

ONE = "systems: {a: {type: devrev, token: %s}}"


def token(config: Config) -> str:
    """Give the token that was found."""
    system = config.systems["a"]
    assert isinstance(system, DevRev)
    return system.token.get_secret_value()


def test_a_secret_comes_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    """``file:`` is relative to the configuration's folder; the last line end is not part of it."""
    (tmp_path / "devrev").write_text("s3cret\r\n")
    file = tmp_path / "instep.yaml"
    file.write_text(ONE % "file:devrev")
    assert token(load(file, {})) == "s3cret"


def test_a_secret_comes_from_the_directory_of_systemd(tmp_path: Path) -> None:
    """``credential:`` names a file in the unit's credentials directory."""
    (tmp_path / "devrev").write_text("s3cret\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert token(loads(ONE % "credential:devrev", "x", environ)) == "s3cret"


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b"\n", "is empty"), (b"\xff\xfe", "it is not text")]
)
def test_a_file_without_a_secret_is_a_problem(tmp_path: Path, content: bytes, said: str) -> None:
    """An empty file is no secret, nor is one that is not text."""
    (tmp_path / "devrev").write_bytes(content)
    file = tmp_path / "instep.yaml"
    file.write_text(ONE % "file:devrev")
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    (only,) = caught.value.problems
    assert (only.code, only.line, only.column) == ("E132", 1, 36)
    assert said in only.message


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_a_secret_cannot_change_the_structure(value: str) -> None:
    """Whatever a variable holds, it is one value: it is resolved after the file was parsed."""
    environ = {"T": "x" + value + "x"}
    config = loads(ONE % 'x, version: "${T}"', "x", environ)
    system = config.systems["a"]
    assert isinstance(system, DevRev)
    assert system.version == "x" + value + "x"


@pytest.mark.parametrize("value", ["t\nken", "tokén", "t\tken"])
def test_a_secret_that_cannot_be_sent_is_found_where_it_stands(value: str) -> None:
    """A token that was copied with too much around it is told before it is used, unseen."""
    for text, environ in ((ONE % '"${T}"', {"T": value}), (ONE % json.dumps(value), {})):
        with pytest.raises(ConfigError) as caught:
            loads(text, "x", environ)
        (only,) = caught.value.problems
        assert (only.code, only.line, only.column) == ("E107", 1, 36)
        assert value not in only.message + only.hint


def test_a_variable_can_stand_for_any_value() -> None:
    """Addresses and numbers can come from the environment too, and are checked like others."""
    text = SYSTEMS + "every: ${EVERY}\nlimits: {creates: '${N}'}\n"
    config = loads(text, "x", ENVIRON | {"EVERY": "5m", "N": "7"})
    assert (config.every, config.limits.creates) == (300.0, 7)
    with pytest.raises(ConfigError) as caught:
        loads(text, "x", ENVIRON | {"EVERY": "5", "N": "7"})
    (only,) = caught.value.problems
    assert (only.code, only.path, only.line, only.column) == ("E108", "every", 6, 8)


@pytest.mark.parametrize("spelled", ["canary-1", "'canary-1'", '"canary-1"', "|\n   canary-1\n"])
def test_a_secret_in_the_file_is_a_warning(spelled: str) -> None:
    """A literal secret works, and is warned of where it stands, without showing it."""
    config = loads(f"systems:\n a:\n  type: devrev\n  token: {spelled}\n", "x", {})
    assert config.secrets() == ("canary-1",)
    found = {w.code: w for w in config.warnings}["W201"]
    assert (found.path, found.line, found.column) == ("systems.a.token", 4, 10)
    assert '"${A_TOKEN}"' in found.hint
    assert "canary" not in json.dumps([asdict(w) for w in config.warnings])


def test_the_password_of_the_ledger_is_a_secret() -> None:
    """A password in the ledger's address is warned of, and known to the logs."""
    config = loads(f"ledger: postgresql://u:p%40ss@h/x\n{SYSTEMS}", "x", ENVIRON)
    assert [(w.code, w.line, w.column) for w in config.warnings] == [("W201", 1, 9)]
    assert {"p%40ss", "p@ss"} <= set(config.secrets())
    assert "ss@h" not in repr(config)


def test_the_logs_know_every_secret() -> None:
    """``secrets`` names them all, once."""
    text = f"heartbeat: {{url: '${{BEAT}}'}}\n{SYSTEMS}"
    config = loads(text, "x", ENVIRON | {"BEAT": "https://beat/canary"})
    assert config.secrets() == ("t-devrev", "t-api", "t-app", "t-status", "https://beat/canary")


def test_a_configuration_shows_no_secret() -> None:
    """Neither printing a configuration nor dumping it as JSON shows one."""
    config = loads(SYSTEMS, "x", ENVIRON)
    shown = repr(config) + str(config) + config.model_dump_json()
    assert not [secret for secret in config.secrets() if secret in shown]


@pytest.mark.parametrize("broken", ["token: [canary]", "tokn: canary", "token: {canary: canary}"])
def test_a_problem_shows_no_secret(broken: str) -> None:
    """What is wrong with a secret is said without it."""
    with pytest.raises(ConfigError) as caught:
        loads(f"systems: {{a: {{type: devrev, {broken}}}}}", "x", {})
    said = [p.message + p.hint for p in caught.value.problems]
    assert said
    assert "canary" not in "".join(said)

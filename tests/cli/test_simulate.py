"""``simulate``: one simulated service as a command."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path

import click
import httpx
import pytest

from instep.config import ProdManager, loads
from instep.simulator.switches import spell, switches
from tests.cli.sims import Line, Ran

HEADERS = {"authorization": "Bearer anything", "x-devrev-scope": "beta"}


def asked(line: Line, monkeypatch: pytest.MonkeyPatch, path: str, *args: str) -> tuple[Ran, int]:
    """Run ``simulate`` until it has answered one request; gives the status of that answer."""
    answers: list[int] = []
    real = click.echo

    def echo(text: str, *, err: bool = False) -> None:
        real(text, err=err)
        if "listens on" in text:
            url = text.partition(" on ")[2].partition(": ")[0]
            threading.Thread(target=ask, args=(url + path,)).start()

    def ask(url: str) -> None:
        answers.append(httpx.get(url, headers=HEADERS).status_code)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(click, "echo", echo)
    ran = line("simulate", *args)
    return ran, answers[0]


@pytest.mark.parametrize(
    ("kind", "path", "takes"),
    [
        ("devrev", "/incidents.list", "any bearer token"),
        ("datadog", "/api/v2/incidents", "any application key"),
        ("prodmanager", "/api/incident", "any bearer token"),
    ],
)
def test_it_serves_until_it_is_told_to_stop(
    line: Line, monkeypatch: pytest.MonkeyPatch, kind: str, path: str, takes: str
) -> None:
    """One line says what it is; the snippet beside it is right; a signal ends it with 0."""
    ran, status = asked(line, monkeypatch, path, kind, "--port", "0", "--incidents", "3")
    assert (ran.code, status) == (0, 200)
    assert ran.out.count("\n") == 1
    assert ran.out.startswith(f"{kind} listens on http://127.0.0.1:")
    assert ran.out.endswith(f": 3 incidents, takes {takes}\n")
    config = loads(ran.err, "instep.yaml", {})
    assert config.systems[kind].type == kind
    assert config.systems[kind].url is not None


def test_only_the_named_token_is_accepted(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``--token`` every other credential is refused, and the snippet holds the right one."""
    right = "the: #right 'one'"
    ran, status = asked(line, monkeypatch, "/api/incident", "prodmanager", "--token", right)
    assert status == 401
    assert f"takes bearer token {right}" in ran.out
    settings = loads(ran.err, "instep.yaml", {}).systems["prodmanager"]
    assert isinstance(settings, ProdManager)
    assert settings.token.get_secret_value() == right


def test_a_port_in_use_is_said_so(line: Line) -> None:
    """A port that cannot be had exits 2 with a way out, and without a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = line("simulate", "devrev", "--port", str(port))
    assert (ran.code, ran.out) == (2, "")
    assert f"cannot listen on port {port}: Address already in use" in ran.err
    assert "--port 0" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "args",
    [
        ["pagerduty"],
        [],
        ["devrev", "--port", "70000"],
        ["devrev", "--token", ""],
        ["devrev", "--token", "tök"],
        ["devrev", "--token", "a\nb"],
    ],
)
def test_a_wrong_call_is_a_usage_error(line: Line, args: list[str], tmp_path: Path) -> None:
    """An unknown kind, no kind, a port that is none and a token that nobody can send exit 2."""
    ran = line("simulate", *args)
    assert (ran.code, ran.out) == (2, "")
    assert list(tmp_path.iterdir()) == []


def test_a_fault_plan_is_carried_out(
    line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``--faults`` takes a YAML list, and the first line says how many there are."""
    plan = tmp_path / "faults.yaml"
    plan.write_text("- {route: GET /api/incident, kind: 503}\n- {route: create, kind: hang}\n")
    ran, status = asked(line, monkeypatch, "/api/incident", "prodmanager", "--faults", str(plan))
    assert (ran.code, status) == (0, 503)
    assert ": 8 incidents, 2 faults, takes any bearer token" in ran.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "- {route: create, kind: 401}\n- route: list\n  kind: hung\n",
            ["faults.yaml:3:9", 'cannot be "hung"', 'did you mean "hang"?', "3 |   kind: hung"],
        ),
        (
            "- {route: create, kind: hang, nht: 2}\n- {kind: 502}\n",
            ["2 problems", ":1:31", 'did you mean "nth"?', ":2:3", '"route" is missing'],
        ),
        ("- {route: [, kind: hang}\n", ["faults.yaml:1", "this is not YAML"]),
        ("- {rout: a, kind: 429}\n", ["1 problem", "E102", 'did you mean "route"?']),
        ("route: create\n", ["faults.yaml:1:1", "a fault plan is a list of entries", "- {route"]),
        ("", ["a fault plan is a list of entries"]),
        ("- {route: a, route: b, kind: hang}\n", [":1:14", '"route" stands here twice']),
    ],
)
def test_a_wrong_plan_starts_nothing(
    line: Line, tmp_path: Path, text: str, said: list[str]
) -> None:
    """Everything wrong with a plan is said at once, with its place and what would be right."""
    (tmp_path / "faults.yaml").write_text(text)
    ran = line("simulate", "datadog", "--faults", "faults.yaml")
    assert (ran.code, ran.out) == (2, "")
    assert [part for part in said if part not in ran.err] == []
    assert "Nothing was started" in ran.err


@pytest.mark.parametrize("raw", [None, b"\xff\xfe"])
def test_a_plan_that_cannot_be_read_is_said_so(
    line: Line, tmp_path: Path, raw: bytes | None
) -> None:
    """A missing file and one that is no text exit 2 and show how a plan looks."""
    path = tmp_path / "faults.yaml"
    if raw:
        path.write_bytes(raw)
    ran = line("simulate", "datadog", "--faults", path)
    assert (ran.code, ran.out) == (2, "")
    assert f"{path} cannot be read: " in ran.err
    assert "kind: drop-after" in ran.err


@pytest.mark.parametrize(("value", "status"), [("off", 200), ("true", 403)])
def test_a_switch_of_the_double_can_be_set(
    line: Line, monkeypatch: pytest.MonkeyPatch, value: str, status: int
) -> None:
    """``--set`` reaches the double: without its scope header a listing of DevRev is refused."""
    monkeypatch.setitem(HEADERS, "x-devrev-scope", "none")
    setting = f"require_beta_scope={value}"
    args = ("devrev", "--set", setting, "--set", "list_lag=1.5")
    assert asked(line, monkeypatch, "/incidents.list", *args)[1] == status


@pytest.mark.parametrize("kind", ["devrev", "datadog", "prodmanager"])
def test_switches_are_listed(line: Line, kind: str) -> None:
    """``--switches`` names each with its default and its meaning, and serves nothing."""
    ran = line("simulate", kind, "--switches")
    head, *rows = ran.out.splitlines()
    assert (ran.code, head.split()) == (0, ["switch", "default", "value", "meaning"])
    listed = [tuple(row.split()[:2]) for row in rows]
    assert listed == [(one.name, spell(one.default)) for one in switches(kind)]
    assert [one.says for one in switches(kind) if not ran.out.count(f"  {one.says}\n")] == []


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("list_lga=3", ['devrev has no switch "list_lga"', 'did you mean "list_lag"?']),
        ("token=abc", ['devrev has no switch "token"', "one of require_beta_scope"]),
        ("list_lag", ["--set list_lag names no value", "such as --set list_lag=0.0"]),
        ("list_lag=long", ['"list_lag" must be a number']),
        ("list_lag=nan", ['"list_lag" must be a number']),
        ("require_beta_scope=2", ['"require_beta_scope" must be true or false', "scope=true"]),
        ("missing=4x4", ['"missing" must be a whole number']),
    ],
)
def test_a_wrong_switch_is_a_usage_error(line: Line, setting: str, said: list[str]) -> None:
    """An unknown name and a value of the wrong kind exit 2 and say what would be right."""
    ran = line("simulate", "devrev", "--set", setting)
    assert (ran.code, ran.out) == (2, "")
    assert [part for part in said if part not in ran.err] == []


def test_a_value_that_the_double_refuses_is_a_usage_error(line: Line) -> None:
    """What only the double knows to be wrong is said in its words, without a traceback."""
    ran = line("simulate", "devrev", "--set", "missing=418")
    assert (ran.code, ran.out) == (2, "")
    assert "devrev cannot be set so: missing" in ran.err
    assert "instep simulate devrev --switches" in ran.err
    assert "Traceback" not in ran.err

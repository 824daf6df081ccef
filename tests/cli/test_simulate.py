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

from instep.config import loads
from tests.cli.sims import Line, Ran


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
        headers = {"authorization": "Bearer anything", "x-devrev-scope": "beta"}
        answers.append(httpx.get(url, headers=headers).status_code)
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
    ran, status = asked(
        line, monkeypatch, "/api/incident", "prodmanager", "--token", "the-right-one"
    )
    assert status == 401
    assert "takes bearer token the-right-one" in ran.out
    assert "token: the-right-one" in ran.err


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
    "args", [["pagerduty"], [], ["devrev", "--port", "70000"], ["devrev", "--token", ""]]
)
def test_a_wrong_call_is_a_usage_error(line: Line, args: list[str], tmp_path: Path) -> None:
    """An unknown kind, no kind, a port that is none and an empty token exit 2."""
    ran = line("simulate", *args)
    assert (ran.code, ran.out) == (2, "")
    assert list(tmp_path.iterdir()) == []

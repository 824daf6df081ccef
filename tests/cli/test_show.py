"""What errors look like on a terminal and as data."""

from __future__ import annotations

import json

import click
import pytest

from instep.cli.show import error_json, render_error, render_problem
from instep.config import loads
from instep.errors import ConfigError, Denied, InstepError, Problem, WorldMoved


def error_of(text: str) -> ConfigError:
    """Load a wrong text and give the error."""
    with pytest.raises(ConfigError) as caught:
        loads(text, "instep.yaml", {})
    return caught.value


def test_a_problem_is_shown_at_its_place() -> None:
    """Code, fact, place, the line with a caret, the hint, and what was not done."""
    text = "every: 60s\nsystems:\n  d: {type: datadog, sight: datadoghq.eu}\n"
    problem = Problem(
        'unknown key "sight"', "systems.d.sight", 3, 22, 'did you mean "site"?', "E102"
    )
    error = ConfigError((problem,), source="instep.yaml", text=text)
    assert render_error(error) == (
        "instep.yaml has 1 problem.\n"
        "\n"
        'E102 unknown key "sight"\n'
        "  instep.yaml:3:22\n"
        "    3 |   d: {type: datadog, sight: datadoghq.eu}\n"
        '      |                      ^ did you mean "site"?\n'
        "\n"
        "Nothing was started."
    )


def test_a_problem_without_a_place_has_no_caret() -> None:
    """A file that is not there has no line to show."""
    problem = Problem(
        "instep.yaml does not exist", hint="instep demo --keep writes one", code="E101"
    )
    error = ConfigError((problem, problem), source="instep.yaml")
    assert render_error(error).splitlines() == [
        "instep.yaml has 2 problems.",
        "",
        "E101 instep.yaml does not exist",
        "  instep demo --keep writes one",
        "",
        "E101 instep.yaml does not exist",
        "  instep demo --keep writes one",
        "",
        "Nothing was started.",
    ]


def test_a_long_hint_has_its_own_line() -> None:
    """The caret's line stays within the width of a terminal."""
    problem = Problem("bad", "a", 1, 60, "valid: " + "word, " * 9, "E110")
    lines = render_problem(problem, "x.yaml", "a" * 80).splitlines()
    assert lines[-2].endswith("^")
    assert lines[-1].strip().startswith("valid:")


def test_colour_changes_only_the_colour() -> None:
    """The words are the same with and without it."""
    error = error_of("every: 5\n")
    assert click.unstyle(render_error(error, color=True)) == render_error(error)
    assert render_error(error, color=True) != render_error(error)


@pytest.mark.parametrize(
    "error", [Denied(advice="look at the token"), WorldMoved(), InstepError("a")]
)
def test_other_errors_are_a_sentence_and_advice(error: InstepError) -> None:
    """An error without problems says its message, and what to do where that is known."""
    shown = render_error(error)
    assert shown.splitlines()[0] == error.message
    assert error.advice in shown


def test_an_error_as_data_has_its_kind_and_exit_code() -> None:
    """Programs read the same facts as people, every problem with its place."""
    data = error_json(error_of("every: 5\n"))
    assert json.loads(json.dumps(data)) == data
    assert (data["kind"], data["exit"], data["error"]) == (
        "config",
        2,
        "2 problem(s) in instep.yaml",
    )
    assert data["problems"][0]["code"] == "E106"
    assert data["problems"][1] == {
        "message": '"every": 5 has no unit',
        "path": "every",
        "line": 1,
        "column": 8,
        "hint": 'did you mean "5s"?',
        "code": "E108",
    }
    assert error_json(Denied("no", advice="do")) == {
        "error": "no",
        "kind": "system",
        "exit": 3,
        "advice": "do",
        "problems": [],
    }


SPELLINGS = [
    "d: {token: canary, every: 5}",
    "d: {token: 'ca''nary, canary', every: 5}",
    'd: {"api_key": "canary\\" canary", every: 5}',
    "d: {type: x,\n    app_key: canary, every: 5}",
    "d: {token:\n  canary\n  canary, every: 5}",
    "d:\n  token: canary, canary} canary",
    "d:\n  token: canary\n    canary\n\n    canary\n  every: 5",
    "d:\n  token: >-\n    canary: canary\n    canary\n  every: 5",
    "d:\n  token:\n    canary\n  every: 5",
    'd:\n  token: "canary\n    canary"\n  every: 5',
    'd:\n  token: "canary',
    "d: {token: canary",
    "- token : canary",
    "# token: canary",
    "ledger: postgresql://u:canary@host/db",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_no_line_shows_a_secret(text: str) -> None:
    """However a secret is spelled, and even if the file is not YAML, it is masked."""
    for line, content in enumerate(text.splitlines(), 1):
        for column in range(1, len(content) + 1):
            shown = render_problem(Problem("bad", "a", line, column), "x.yaml", text)
            assert "canary" not in shown


def test_the_mask_hides_the_secret_only() -> None:
    """Everything else on the line stays, and the caret stands below its place."""
    text = 'd: {token: canary, api_key: "${KEY}", app_key: file:k, every: 5}'
    problem = Problem("bad", "d.every", 1, text.index("every") + 1)
    line, caret = render_problem(problem, "x.yaml", text).splitlines()[-2:]
    assert line.endswith('d: {token: ***, api_key: "${KEY}", app_key: file:k, every: 5}')
    assert caret.index("^") == line.index("every")


def test_a_reference_is_not_masked() -> None:
    """Where a secret comes from is no secret."""
    for value in ("${TOKEN}", "'${TOKEN}'", "file:/run/x", "credential:x", "${TOKEN}  # mine"):
        text = f"d:\n  token: {value}\n  url: x"
        shown = render_problem(Problem("bad", "a", 2, 3), "x.yaml", text)
        assert f"token: {value}" in shown


def test_a_canary_is_not_in_the_error_of_a_broken_file() -> None:
    """From the file to the screen and to JSON, a secret in it is shown nowhere."""
    text = "systems:\n  a: {type: devrev, token: canary, tokn: x}\n  b: {token: canary, type: 3}\n"
    error = error_of(text)
    assert "canary" not in render_error(error) + json.dumps(error_json(error)) + str(error)

"""What is said of broken configurations: a folder of them, each beside its expectation."""

from __future__ import annotations

from pathlib import Path

import pytest

from instep.cli.show import render_error
from instep.config import CODES
from instep.errors import Problem
from tests.config.broken import ENVIRON, FILES, FOLDER, found, said


def problems() -> list[Problem]:
    """List all that is found in all files."""
    return [problem for file in FILES for problem in found(file).problems]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_broken_file_is_told_as_expected(file: Path) -> None:
    """Each file is answered with the text beside it: code, fact, place, line, caret, hint."""
    error = found(file)
    assert said(error) == file.with_suffix(".txt").read_text(encoding="utf-8")
    assert said(error).rstrip("\n") in render_error(error)


def test_no_expectation_is_left_over() -> None:
    """Every file has an expectation, every expectation a file, and there are fifty at least."""
    assert {f.stem for f in FILES} == {f.stem for f in FOLDER.glob("*.txt")}
    assert len(FILES) >= 50


def test_every_code_is_shown() -> None:
    """There is a file for every code, so that what it looks like is known."""
    # What a test of the mapping says is known only once the systems' abilities are.
    assert {problem.code for problem in problems()} == set(CODES) - {"E125"}


def test_every_mistake_has_a_place_and_a_fact() -> None:
    """Nothing is found without line, column and a sentence, and no hint is an empty promise."""
    for problem in problems():
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message.strip()
        assert problem.hint != "valid: "


def test_a_secret_in_the_file_is_not_shown() -> None:
    """Where a line with a secret is shown, a mask stands in its place."""
    (file,) = [file for file in FILES if "secret-in-the-file" in file.stem]
    assert file.read_text(encoding="utf-8").count("letmein") == 6
    assert "***" in said(found(file))
    assert "letmein" not in said(found(file))


def test_the_value_of_a_variable_is_not_shown() -> None:
    """Whatever a variable holds may be a secret: messages show its name instead."""
    told = " ".join(problem.message + problem.hint for problem in problems())
    assert "${DEVREV_TOKEN}" in told
    assert not [value for value in ENVIRON.values() if value and value in told]

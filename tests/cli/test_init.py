"""``init`` and ``schema``: the first file, and what an editor knows of it."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from instep.cli.main import instep
from instep.cli.options import Call
from instep.config import loads
from instep.config.positions import read
from tests.cli.sims import Line
from tests.cli.test_readme import meant

URL = "https://status.example.com"
ALL = ("--devrev", "--datadog", "datadoghq.eu", "--prodmanager", URL, "--timezone", "Europe/Paris")

#: What a person answers, line by line.
Answers = Callable[..., None]


class Terminal(io.StringIO):
    """A person who has typed all answers ahead."""

    def isatty(self) -> bool:
        """Be a terminal."""
        return True


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Let a person answer."""

    def answer(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in lines)))

    return answer


def right(text: str) -> dict[str, object]:
    """Load a file with its variables set, and give what it says."""
    variables = re.findall(r'^ .*"\$\{(\w+)\}"', text, re.MULTILINE)
    loads(text, "instep.yaml", dict.fromkeys(variables, "set for the tests"))
    tree: dict[str, object] = read(text).tree
    return tree


def test_options_make_a_file_that_is_right(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the systems named, a file is written without a question, and ``check`` takes it."""
    ran = line("init", *ALL)
    assert (ran.code, ran.err) == (0, "")
    for name in ("DEVREV_TOKEN", "DD_API_KEY", "DD_APP_KEY", "PRODMANAGER_TOKEN"):
        monkeypatch.setenv(name, f"{name} of the tests")
    assert line("check").code == 0
    said = right(Path("instep.yaml").read_text())
    assert said["systems"] == {
        "devrev": {"type": "devrev", "token": "${DEVREV_TOKEN}"},
        "datadog": {
            "type": "datadog",
            "site": "datadoghq.eu",
            "api_key": "${DD_API_KEY}",
            "app_key": "${DD_APP_KEY}",
        },
        "status": {
            "type": "prodmanager",
            "url": URL,
            "timezone": "Europe/Paris",
            "token": "${PRODMANAGER_TOKEN}",
        },
    }


def test_it_says_what_to_do_next(line: Line) -> None:
    """The variables to set are named, and each command that is shown can be called."""
    ran = line("init", *ALL)
    for name in ("DEVREV_TOKEN", "DD_API_KEY", "DD_APP_KEY", "PRODMANAGER_TOKEN"):
        assert name in ran.out
    calls = re.findall(r"^  instep (.*?)(?: >.*|  .*)$", ran.out, re.MULTILINE)
    assert {call.split()[0] for call in calls} == {"schema", "check", "plan", "once"}
    for call in calls:
        command, given = meant(shlex.split(call))
        assert command is not instep
        assert command.make_context("instep", given, obj=Call()).command is command


def test_another_file_is_named_in_what_to_do_next(line: Line) -> None:
    """The commands that are shown are about the file that was written."""
    ran = line("init", "--devrev", "--datadog", "datadoghq.eu", "--output", "mine.yaml")
    assert (ran.code, Path("instep.yaml").exists()) == (0, False)
    assert "instep --config mine.yaml plan" in ran.out
    assert right(Path("mine.yaml").read_text())


def test_it_is_written_where_it_will_be_looked_for(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--config`` and the environment name the new file as they name one that is there."""
    assert line("init", *ALL, "--config", "one.yaml").code == 0
    monkeypatch.setenv("INSTEP_CONFIG", "two.yaml")
    ran = line("init", *ALL)
    assert {path.name for path in Path().iterdir()} == {"one.yaml", "two.yaml"}
    assert "  instep plan " in ran.out


def test_the_standard_output_gets_the_file_and_nothing_else(line: Line) -> None:
    """With ``--output -`` the file can be piped; what to do next is said beside it."""
    ran = line("init", *ALL, "--output", "-", "--full")
    assert ran.code == 0
    assert ran.out.startswith("# yaml-language-server: ")
    assert right(ran.out)
    assert "The configuration keeps devrev, datadog, status in step" in ran.err
    assert [*Path().iterdir()] == []


@pytest.mark.parametrize("options", [(), ("--schema",)])
@pytest.mark.parametrize("there", ["instep.yaml", "instep.schema.json"])
def test_nothing_is_written_over(line: Line, there: str, options: tuple[str, ...]) -> None:
    """A file that is there stays as it is, and then nothing is written at all."""
    Path(there).write_text("mine")
    ran = line("init", *ALL, *options)
    if there == "instep.schema.json" and not options:
        assert ran.code == 0
    else:
        assert ran.code == 2
        assert f"{there} is there already" in ran.err
        assert [str(path) for path in Path().iterdir()] == [there]
    assert Path(there).read_text() == "mine"


def test_a_link_to_nowhere_is_not_followed(line: Line, tmp_path: Path) -> None:
    """What only looks free is not written through."""
    Path("instep.yaml").symlink_to("elsewhere.yaml")
    assert line("init", *ALL).code == 2
    assert not (tmp_path / "elsewhere.yaml").exists()


def test_a_folder_that_is_not_there_is_said(line: Line) -> None:
    """A file that cannot be made is a wrong call, not a bug."""
    ran = line("init", *ALL, "--output", "nowhere/instep.yaml")
    assert ran.code == 2
    assert "nowhere/instep.yaml cannot be written: no such file or directory" in ran.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--devrev",), "one system alone"),
        (("--devrev", "--timezone", "UTC"), "--timezone is that of a ProdManager"),
        (("--devrev", "--datadog", "datadog.eu"), '--datadog: "datadog.eu" is not a site of Data'),
        (("--devrev", "--datadog", "datadog.eu"), 'did you mean "datadoghq.eu"?'),
        (("--devrev", "--prodmanager", "status.example.com"), "start with https://"),
        (("--devrev", "--prodmanager", URL, "--timezone", "Paris"), "--timezone: "),
        (("--devrev", "--prodmanager", URL, "--timezone", "Paris"), "such as Europe/Paris"),
    ],
)
def test_what_is_wrong_is_refused(line: Line, options: tuple[str, ...], told: str) -> None:
    """Exit 2, in the words of ``check``, and no file."""
    ran = line("init", *options)
    assert ran.code == 2
    assert told in ran.err
    assert [*Path().iterdir()] == []


def test_all_that_is_wrong_is_told_at_once(line: Line) -> None:
    """Two wrong options are two lines of one answer."""
    ran = line("init", "--datadog", "x.eu", "--prodmanager", URL, "--timezone", "Paris")
    assert [word.split(":")[0] for word in ran.err.split("\n")[:2]] == ["--datadog", "--timezone"]


def test_without_anybody_to_ask_it_names_the_options(line: Line) -> None:
    """In a script nothing waits for an answer that nobody gives."""
    ran = line("init")
    assert ran.code == 2
    for option in ("--devrev", "--datadog SITE", "--prodmanager URL", "--timezone ZONE"):
        assert option in ran.err


def test_it_asks_at_most_five_questions(line: Line, types: Answers) -> None:
    """All of it can be answered with the usual, but for an address that nobody can guess."""
    types("", "", URL, "")
    ran = line("init")
    assert ran.code == 0
    assert ran.err.count(": ") == 4
    said = right(Path("instep.yaml").read_text())
    assert said["create"] == {
        "devrev": {"from": ["datadog", "status"]},
        "datadog": {"from": ["devrev", "status"]},
        "status": {
            "from": ["devrev", "datadog"],
            "set": {"scope": "eu-west", "service": "Checkout"},
        },
    }


def test_a_wrong_answer_is_asked_again(line: Line, types: Answers) -> None:
    """It says what is wrong with it, in the words of ``check``."""
    types("devrev", "devrev, datadgo", "prodmanager devrev", "nowhere", URL, "Paris", "Asia/Tokyo")
    ran = line("init")
    assert ran.code == 0
    for told in ("one system alone", 'did you mean "datadog"?', "not a web address", "time zone"):
        assert told in ran.err
    systems = right(Path("instep.yaml").read_text())["systems"]
    assert isinstance(systems, dict)
    assert [*systems] == ["devrev", "status"]
    assert systems["status"]["timezone"] == "Asia/Tokyo"


def test_questions_do_not_stand_in_the_file(line: Line, types: Answers) -> None:
    """Asked while the output goes to a file, it asks elsewhere."""
    types("devrev datadog", "us3.datadoghq.com")
    ran = line("init", "--output", "-")
    assert ran.out.startswith("# yaml-language-server: ")
    assert right(ran.out)
    assert "Site of Datadog" in ran.err


def test_answers_that_end_leave_no_file(line: Line, types: Answers) -> None:
    """Who walks away from the questions has not asked for anything."""
    types("devrev, datadog")
    assert line("init").code == 130
    assert [*Path().iterdir()] == []


def test_the_schema_is_one_that_editors_can_use(line: Line) -> None:
    """``schema`` prints what ``init --schema`` writes, and the new file is as it says."""
    ran = line("schema")
    assert (ran.code, ran.err) == (0, "")
    assert line("init", *ALL, "--schema").code == 0
    assert Path("instep.schema.json").read_text() == ran.out
    text = Path("instep.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=instep.schema.json\n")
    schema = json.loads(ran.out)
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(read(text).tree)


def test_a_schema_needs_a_file_to_stand_beside(line: Line) -> None:
    """Both cannot go to one output."""
    ran = line("init", *ALL, "--schema", "--output", "-")
    assert (ran.code, ran.out) == (2, "")
    assert "instep schema" in ran.err

"""Facts about the project's own files."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from instep import __version__
from instep.config.schema import Datadog, DevRev, ProdManager

ROOT = Path(__file__).parent.parent
LOGGING = {"debug", "info", "warning", "error", "exception", "critical"}
EVENT = re.compile(r"[a-z]+\.[a-z]+")
KEY = re.compile(r"`(\w+)`")
ROW = re.compile(r"^\| `([a-z.]+)` \| (\w+) \|", re.MULTILINE)


def text(name: str) -> str:
    """Read one of the project's files."""
    return (ROOT / name).read_text(encoding="utf-8")


def project_files() -> list[Path]:
    """List the files that belong to the project: tracked, or new and not ignored."""
    # The owner of the checkout may be someone else, as in a container.
    git = [
        "git",
        "-c",
        "safe.directory=*",
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ]
    listed = subprocess.run(git, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def sources() -> dict[Path, ast.Module]:
    """Parse every module of the package."""
    return {path: ast.parse(path.read_text()) for path in (ROOT / "src").rglob("*.py")}


def logged(tree: ast.Module) -> set[tuple[str, str]]:
    """Find the events that a module logs by their literal names, with their levels."""
    return {
        (call.args[0].value, {"exception": "error"}.get(call.func.attr, call.func.attr))
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in LOGGING
        and ast.unparse(call.func.value).lower().endswith(("log", "logger"))
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
    }


def words(tree: ast.Module) -> set[str]:
    """Find the texts of a module that look like the name of an event."""
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and EVENT.fullmatch(node.value)
    }


def test_every_event_is_documented_with_its_level() -> None:
    """Whatever the code logs stands in the reference of events, at the level given there."""
    documented = dict(ROW.findall(text("docs/reference/events.md")))
    told = {event for tree in sources().values() for event in logged(tree)}
    assert sorted((name, level) for name, level in told if documented.get(name) != level) == []


def test_every_documented_event_exists() -> None:
    """The reference of events names nothing that the code does not say."""
    documented = {name for name, _ in ROW.findall(text("docs/reference/events.md"))}
    assert documented
    assert sorted(documented - {word for tree in sources().values() for word in words(tree)}) == []


def test_constraints_are_exact_and_name_no_place() -> None:
    """Each constraint is one name at one version: no range, no address, no path, no instep."""
    lines = [line for line in text("constraints.txt").splitlines() if not line.startswith("#")]
    pin = re.compile(r"(?!instep|pip=|setuptools=)[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.+!]*")
    assert lines
    assert [line for line in lines if not pin.fullmatch(line)] == []


def test_every_tool_is_pinned() -> None:
    """What `make setup` is asked to install has a constraint."""
    project = tomllib.loads(text("pyproject.toml"))["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=\[]", each)[0].lower() for each in asked}
    pinned = {line.partition("==")[0].lower() for line in text("constraints.txt").splitlines()}
    assert names - pinned == set()


def test_the_version_has_one_home() -> None:
    """The package says the version that pyproject states; so does the image."""
    assert tomllib.loads(text("pyproject.toml"))["project"]["version"] == __version__
    assert f"ARG VERSION={__version__}\n" in text("Dockerfile")


def test_every_lint_exception_has_a_reason() -> None:
    """No rule is switched off without a word on why."""
    lint = text("pyproject.toml").partition("[tool.ruff.lint]")[2].partition("[tool.mypy]")[0]
    codes = [line for line in lint.splitlines() if re.match(r'\s+"[A-Z]+\d*",', line)]
    assert codes
    assert [line for line in codes if not re.search(r"# \w.{8}", line)] == []


def test_every_setting_of_a_system_is_documented() -> None:
    """The page of settings names exactly the keys of the configuration, under the right system."""
    parts = re.split(r"^## ", text("docs/reference/systems.md"), flags=re.MULTILINE)
    told = {
        part.partition("\n")[0]: {
            key
            for first in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
            for key in KEY.findall(first)
        }
        for part in parts
    }
    models: dict[str, type[BaseModel]] = {
        "devrev": DevRev,
        "datadog": Datadog,
        "prodmanager": ProdManager,
    }
    every = set.intersection(*(set(model.model_fields) for model in models.values()))
    assert told["Every system"] == every
    for name, model in models.items():
        own = set(model.model_fields) - every
        assert own <= told[name] <= own | {"poll", "url"}, name


def test_the_changelog_is_open() -> None:
    """There is a place for the next change."""
    assert re.search(r"^## \[Unreleased\]$", text("CHANGELOG.md"), re.MULTILINE)


def test_the_image_runs_unprivileged_without_tools() -> None:
    """The last stage builds nothing, is nobody in particular, and can say how it is."""
    last = text("Dockerfile").rpartition("\nFROM ")[2]
    assert not re.search(r"\bpip\b|\bgcc\b|\bapt(-get)?\b|build-essential", last)
    user = re.search(r"^USER (\d+):(\d+)$", last, re.MULTILINE)
    assert user
    assert user[1] != "0"
    assert "HEALTHCHECK" in last
    assert "STOPSIGNAL SIGTERM" in last
    assert "ENV INSTEP" not in last


def test_the_readme_starts_with_two_commands() -> None:
    """The first thing to copy from the README tries instep and tests it."""
    first = re.search(r"```\w*\n(.*?)```", text("README.md"), re.DOTALL)
    assert first
    assert "make demo" in first[1]
    assert "make test" in first[1]


@pytest.mark.parametrize("trace", ["/work/", "/root/", "../shared"])
def test_no_file_depends_on_one_machine(trace: str) -> None:
    """Nothing of the project points at a place outside the checkout."""
    tests = ROOT / "tests"
    files = [path for path in project_files() if tests not in path.parents]
    assert len(files) > 10
    assert [str(path) for path in files if trace.encode() in path.read_bytes()] == []

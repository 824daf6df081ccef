"""Log lines: one door for every library, two looks, and no secret through any of them."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from instep import logs

SECRET = 'c4nary/"s3cret"+v4lue'
log = structlog.get_logger()


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging as it was found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Read the JSON lines written so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail_with(text: str) -> None:
    """Raise an error whose text quotes ``text``."""
    raise ValueError(f"refused: {text}")


def test_json_is_chosen_when_the_stream_is_no_terminal() -> None:
    """Without a terminal an event is one JSON object: time in UTC, level and name lead it."""
    stream = io.StringIO()
    logs.setup(stream=stream)
    log.info("write.created", system="status", count=2)
    (line,) = lines(stream)
    assert list(line)[:3] == ["at", "level", "event"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("at"))
    assert line == {"level": "info", "event": "write.created", "system": "status", "count": 2}


def test_console_is_chosen_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal an event is a line for people, with the local time and its zone."""
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    logs.setup(stream=stream)
    log.info("write.created", system="status")
    text = stream.getvalue()
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+ ", text)
    assert "write.created" in text
    assert "system=status" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(("variable", "coloured"), [("NO_COLOR", False), ("FORCE_COLOR", True)])
def test_colours_follow_the_usual_variables(
    monkeypatch: pytest.MonkeyPatch, variable: str, coloured: bool
) -> None:
    """NO_COLOR takes colours from a terminal, FORCE_COLOR gives them to a file."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv(variable, "1")
    stream = io.StringIO() if coloured else Terminal()
    logs.setup(format="console", stream=stream)
    log.info("write.created")
    assert ("\x1b" in stream.getvalue()) is coloured


def test_format_overrules_the_terminal() -> None:
    """Asked for JSON, a terminal gets JSON."""
    stream = Terminal()
    logs.setup(format="json", stream=stream)
    log.info("write.created")
    assert lines(stream)[0]["event"] == "write.created"


def test_context_is_merged_into_every_line() -> None:
    """What is bound to the context, such as the run, stands in our lines and in a library's."""
    stream = io.StringIO()
    logs.setup(stream=stream)
    structlog.contextvars.bind_contextvars(run=7)
    log.info("write.created")
    logging.getLogger("some.library").info("started")
    assert [line["run"] for line in lines(stream)] == [7, 7]


def test_a_library_comes_out_of_the_same_door() -> None:
    """A stdlib record becomes the event library.said with its logger and message."""
    stream = io.StringIO()
    logs.setup(stream=stream)
    logging.getLogger("uvicorn.error").warning("port %d is taken", 8484)
    (line,) = lines(stream)
    line.pop("at")
    assert line == {
        "level": "warning",
        "event": "library.said",
        "message": "port 8484 is taken",
        "logger": "uvicorn.error",
    }


@pytest.mark.parametrize("name", ["httpx", "httpcore", "aiohttp", "apscheduler", "alembic"])
def test_chatty_libraries_only_warn(name: str) -> None:
    """Even at level debug the libraries that narrate every step are heard from WARNING on."""
    stream = io.StringIO()
    logs.setup(stream=stream, level="debug")
    logging.getLogger(f"{name}.part").info("narrated")
    logging.getLogger(f"{name}.part").warning("warned")
    assert [line["message"] for line in lines(stream)] == ["warned"]


def test_the_level_holds_for_our_events() -> None:
    """An event below the level is not written."""
    stream = io.StringIO()
    logs.setup(stream=stream, level="warning")
    log.info("write.created")
    log.error("write.failed")
    assert [line["event"] for line in lines(stream)] == ["write.failed"]


def test_setting_up_again_replaces_the_first_time() -> None:
    """A second set-up moves the lines to the new stream; none is written twice."""
    first, second = io.StringIO(), io.StringIO()
    logs.setup(stream=first)
    logs.setup(stream=second)
    log.info("write.created")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1


def test_stderr_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines go to stderr, so that stdout holds results only."""
    logs.setup()
    log.info("write.created")
    out, err = capsys.readouterr()
    assert out == ""
    assert "write.created" in err


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_leaves(form: logs.Format) -> None:
    """A secret is nowhere: values, nested values, keys, errors, tracebacks, stdlib records."""
    stream = io.StringIO()
    logs.setup(format=form, stream=stream, secrets=[SECRET, "c4nary", ""])
    structlog.contextvars.bind_contextvars(where=f"https://x/?key={SECRET}")
    log.info("write.created", a=SECRET, b={"c": [SECRET, (SECRET,), {SECRET}]}, d={SECRET: 1})
    log.info("write.created", body=json.dumps({"x": SECRET}), error=ValueError(SECRET))
    log.info("write.created", url="https://x/?q=c4nary%2F%22s3cret%22%2Bv4lue", raw=SECRET.encode())
    for logger in (log, logging.getLogger("uvicorn.error")):
        try:
            fail_with(SECRET)
        except ValueError:
            logger.exception("write.failed")
    logging.getLogger("apscheduler").error("job with %s failed", SECRET)
    text = stream.getvalue()
    assert "s3cret" not in text
    assert "c4nary" not in text
    assert text.count("refused: ***") == 2


@pytest.mark.parametrize(
    "key",
    ["token", "Authorization", "api_key", "DD-API-KEY", "DD-APPLICATION-KEY", "app_key", "Cookie"],
)
def test_what_is_named_like_a_secret_is_dropped(key: str) -> None:
    """A header or setting that holds a credential is left out, whatever its value."""
    stream = io.StringIO()
    logs.setup(stream=stream)
    log.info("http.request", headers={key: "unknown to us", "accept": "*/*"}, **{key: "x"})
    (line,) = lines(stream)
    assert line["headers"] == {"accept": "*/*"}
    assert key not in line


def test_a_name_that_only_sounds_alike_stays() -> None:
    """Counting tokens or naming a sort key gives no secret away."""
    stream = io.StringIO()
    logs.setup(stream=stream)
    log.info("http.request", tokens_left=3, key="title")
    (line,) = lines(stream)
    assert (line["tokens_left"], line["key"]) == (3, "title")


def test_plain_values_keep_their_types() -> None:
    """Numbers, flags and nothing stay what they are in JSON."""
    stream = io.StringIO()
    logs.setup(stream=stream, secrets=[SECRET])
    log.info("cycle.completed", seconds=1.5, quiet=True, cursor=None, due=0)
    (line,) = lines(stream)
    assert (line["seconds"], line["quiet"], line["cursor"], line["due"]) == (1.5, True, None, 0)


def test_what_is_too_short_for_a_secret_leaves_the_words_alone() -> None:
    """A token of one letter, as for a simulated service, does not blot out that letter."""
    stream = io.StringIO()
    logs.setup(stream=stream, secrets=["t", "abc"])
    log.info("write.created", system="status", fields=["abc"])
    (line,) = lines(stream)
    assert (line["event"], line["system"], line["fields"]) == ("write.created", "status", ["abc"])

"""The program on a disk that has no room for more of its ledger."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.whole.program import (
    KINDS,
    PATIENCE,
    Ran,
    Services,
    configured,
    instep,
    simulated,
    urls_of,
)

pytestmark = pytest.mark.slow

LEDGER = "instep.db"
#: Bytes by which there is more room each time.
STEP = 32_768
#: Runs instep where no file can grow beyond a number of bytes: writes fail as on a full disk.
CRAMPED = """\
import resource, signal, sys
from instep.cli.main import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Serve three, each the origin of four incidents."""
    with simulated(tmp_path, "--incidents", "4") as running:
        configured(tmp_path, urls_of(running))
        yield running


def cramped(limit: int, *args: str, cwd: Path) -> Ran:
    """Run a command that may not write any file beyond a number of bytes."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("INSTEP")}
    ran = subprocess.run(
        [sys.executable, "-c", CRAMPED, str(limit), *args],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def titles(services: Services) -> list[list[str]]:
    """Give all titles, by system, in alphabetical order."""
    devrev, datadog, page = (services[kind].records for kind in KINDS)
    found = [
        [str(one["title"]) for one in devrev],
        [str(one["attributes"]["title"]) for one in datadog],
        [str(one["name"]) for one in page],
    ]
    return [sorted(several) for several in found]


def unconcluded(folder: Path) -> int:
    """Count the writes of which the ledger does not know what came of them."""
    with closing(sqlite3.connect(folder / LEDGER)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM intents").fetchone()
        return int(count)


@pytest.mark.parametrize("command", ["once", "run"])
def test_wherever_the_room_ends_nothing_is_lost_or_doubled(
    tmp_path: Path, services: Services, command: str
) -> None:
    """A run that is to make 24 records is stopped with exit 5, again and again, as room grows.

    Each time the ledger that is left is sound. None is made twice, though of some the ledger could
    not take in that they were; and none is forgotten.
    """
    configured(tmp_path, urls_of(services), more="")
    assert instep("once", cwd=tmp_path).code == 0
    configured(tmp_path, urls_of(services))
    limit, in_vain = STEP, False
    while not in_vain:
        ran = cramped(limit, command, cwd=tmp_path)
        assert (ran.code, "Traceback" in ran.err) == (5, False)
        assert "the ledger refused" in ran.err
        assert instep("ledger", "verify", cwd=tmp_path).code == 0
        sent = sum(len(service.records) for service in services.values())
        in_vain = unconcluded(tmp_path) > 0 and sent > 12
        limit += STEP
    last = instep("once", "--json", cwd=tmp_path)
    # What was not sent before the stop is sent again only when it can no longer turn up.
    missing = 36 - sum(len(service.records) for service in services.values())
    assert (last.code, unconcluded(tmp_path)) == (int(missing > 0), missing)
    assert last.data["incidents"] == 12
    for several in titles(services):
        assert len(several) == len(set(several))
    assert instep("ledger", "verify", cwd=tmp_path).code == 0


def test_commands_that_only_read_go_on(tmp_path: Path, services: Services) -> None:
    """With no room at all the ledger can still be asked, verified and exported."""
    instep("once", cwd=tmp_path)
    before = (tmp_path / LEDGER).read_bytes()
    for command in (("status",), ("explain", "1"), ("ledger", "verify"), ("ledger", "export")):
        assert cramped(0, *command, cwd=tmp_path).code == 0
    ran = cramped(0, "ledger", "backup", "copy.db", cwd=tmp_path)
    assert ran.code == 5
    assert "make room for the copy" in ran.err
    assert (tmp_path / LEDGER).read_bytes() == before
    assert not list(tmp_path.glob("copy.db*"))

"""The forking parent: it has gone through whole cycles, and forks a child for each run.

``python -m tests.kill.zygote CONFIG`` reads an order from each line of its input, and answers
with how the child of that order ended. It has one thread and no event loop, so that what is
forked off it is as good as a fresh process, and comes about in a millisecond.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import httpx

from instep import config as settings
from instep.cli.main import main
from instep.ledger import sqlite
from instep.systems import connections
from tests.kill.steps import Order, prepare

#: Cycles after which a further one finds nothing more to remember.
WARM_RUNS = 3


def serve(config: Path) -> None:
    """Run orders until the input ends."""
    warm(config)
    # What is there by now is nobody's garbage, and is not copied for being looked at.
    gc.freeze()
    for line in sys.stdin:
        # Threads are not forked: what they hold would be held for ever.
        assert threading.active_count() == 1
        order = Order(**json.loads(line))
        child = os.fork()
        if child == 0:
            run(order, config)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def warm(config: Path) -> None:
    """Run some cycles here, to their end, so that no child finds out anew what never changes.

    Kept are the authorities to trust, the presets, the configuration, and statements as they are
    spelled for SQLite. The connections are given back, and the ledger is closed.
    """
    trust = connections._trust()
    httpx.create_ssl_context = lambda **_: trust
    sqlite.engine = cache(sqlite.engine)
    known = settings.load(config, {})
    settings.load = lambda *_: known
    for _ in range(WARM_RUNS):
        with redirect_stdout(StringIO()):
            assert main(command(config)) == 0


def command(config: Path) -> list[str]:
    """Give the command line of a cycle."""
    return ["once", "--json", "--config", str(config)]


def run(order: Order, config: Path) -> None:
    """Be the program as it is started from a shell: its output goes to a file."""
    code = 70
    try:
        out = os.open(Path(order.folder, "out"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, file in enumerate((nothing, out, out)):
            os.dup2(file, number)
        prepare(order)
        code = main(command(config))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # What a process does at its end is the parent's to do.
        os._exit(code)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))

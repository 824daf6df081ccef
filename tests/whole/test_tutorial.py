"""The tutorial in the README, carried out as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
#: Seconds after which it should long have ended.
PATIENCE = 120
WAIT = "until (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.05; done"


def commands() -> list[str]:
    """Give the commands of the tutorial."""
    _, _, rest = README.read_text().partition("## From nothing to in step")
    return rest.split("```sh\n")[1].split("```")[0].strip().splitlines()


def test_the_tutorial_works_as_it_reads(tmp_path: Path) -> None:
    """Fewer than ten commands lead from nothing to a run that wrote, and then to a quiet one."""
    told = commands()
    assert len(told) < 10
    text = "\n".join(told)
    with ExitStack() as stack:
        free = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        ports = dict(zip(("4101", "4102", "4103"), (s.getsockname()[1] for s in free), strict=True))
    for written, port in ports.items():
        text = text.replace(written, str(port))
    script = ["set -e"]
    for line in text.splitlines():
        script.append(line)
        if found := re.search(r"simulate .* --port (\d+)", line):
            # Somebody who types is slower than a service that starts.
            script.append(WAIT.format(port=found[1]))
    script.append("instep once")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("INSTEP")} | {"PATH": path}
    with (tmp_path / "said").open("w") as out:
        process = subprocess.Popen(
            [shutil.which("bash") or "/bin/bash", "-c", "\n".join(script)],
            cwd=tmp_path,
            env=environ,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = process.wait(PATIENCE)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    said = (tmp_path / "said").read_text()
    assert code == 0, said
    assert "status: ok" in said
    first, last = re.findall(r"^run \d .*$", said, re.MULTILINE)
    assert first.endswith("9 incidents")
    assert last.endswith("quiet")

"""Broken configurations, one a file, each beside what ``instep check`` says of it.

After a change of words, ``python -m tests.config.broken`` writes the expectations anew: read what
it changed before you keep it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from instep.cli.show import render_problem
from instep.config import load
from instep.errors import ConfigError

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*.yaml"))

SYSTEMS = """
systems:
  devrev: {type: devrev, token: "${DEVREV_TOKEN}"}
  datadog: {type: datadog, site: datadoghq.eu, api_key: "${DD_API_KEY}", app_key: "${DD_APP_KEY}"}
  status: {type: prodmanager, url: https://status.example.com, token: "${PRODMANAGER_TOKEN}"}
"""
ENVIRON = {
    "DEVREV_TOKEN": "t-devrev",
    "DD_API_KEY": "t-api",
    "DD_APP_KEY": "t-app",
    "PRODMANAGER_TOKEN": "t-status",
    "EMPTY": "",
}


def found(file: Path) -> ConfigError:
    """Load a file of the folder: what is wrong with it, or else worth a warning."""
    with contextlib.chdir(FOLDER):
        try:
            warnings = load(Path(file.name), ENVIRON).warnings
        except ConfigError as error:
            return error
        return ConfigError(warnings, source=file.name, text=file.read_text(encoding="utf-8"))


def said(error: ConfigError) -> str:
    """Say what was found as a person sees it."""
    blocks = (render_problem(each, error.source, error.text) for each in error.problems)
    return "\n\n".join(blocks) + "\n"

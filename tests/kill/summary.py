"""The numbers of the kill matrix, printed at the end of the tests."""

from __future__ import annotations

import pytest

#: Under which name a test reports its scenario, its kill points and the states that they left.
POINTS = "kill points"
#: Whether they are printed: this may be registered by more than one ``conftest.py``.
PRINTED = pytest.StashKey[bool]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many kill points there were, whichever process went through them."""
    told = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == POINTS and report.when == "call"
    ]
    stash = terminalreporter.config.stash
    if not told or stash.get(PRINTED, False):
        return
    stash[PRINTED] = True
    terminalreporter.section("kill matrix")
    for scenario, points, states in sorted(told):
        terminalreporter.line(f"{points:5} kill points, {states:3} states left: {scenario}")
    total = sum(points for _, points, _ in told)
    terminalreporter.line(f"{total:5} kill points in all")

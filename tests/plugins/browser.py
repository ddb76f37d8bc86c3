"""Browser tests (marker `browser`) run where a Chromium is found, are left out loudly elsewhere; CI requires them."""

import os
import shutil
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def find_chromium() -> Path | None:
    """The Chromium of this machine: LOCKBAY_CHROMIUM, or the first known name on PATH."""
    path = os.environ.get("LOCKBAY_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    return Path(path) if path else None


@pytest.fixture(scope="session")
def chromium() -> Path:
    """For `playwright.chromium.launch(executable_path=…, args=FLAGS)`."""
    found = find_chromium()
    assert found is not None, "browser tests are left out without a Chromium"
    return found


class BrowserRuns:
    """Counts the browser tests that passed and were left out, for the closing words."""

    passed = 0
    left_out = 0


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RUNS] = BrowserRuns()
    if find_chromium() is None and os.environ.get("CI") == "true":
        raise pytest.UsageError("CI=true, but no Chromium was found: the browser tests are required here")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if find_chromium() is not None:
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        config.stash[_RUNS].left_out = len(left_out)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


class _Counter:
    def __init__(self, runs: BrowserRuns) -> None:
        self._runs = runs

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and "browser" in report.keywords:
            self._runs.passed += 1


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.pluginmanager.register(_Counter(session.config.stash[_RUNS]))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a whole run without one browser test that passed is a failure."""
    if _is_controller() and _must_have_run() and not session.config.stash[_RUNS].passed:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    runs = config.stash[_RUNS]
    if find_chromium() is None:
        terminalreporter.section("NO CHROMIUM: THE BROWSER TESTS DID NOT RUN", sep="!", red=True)
    elif _must_have_run() and not runs.passed:
        terminalreporter.section("CI: NO BROWSER TEST PASSED, WHICH IS A FAILURE", sep="!", red=True)


def _must_have_run() -> bool:
    return os.environ.get("CI") == "true" and os.environ.get("LOCKBAY_WHOLE_SUITE") == "1"


def _is_controller() -> bool:
    return "PYTEST_XDIST_WORKER" not in os.environ


_RUNS = pytest.StashKey[BrowserRuns]()

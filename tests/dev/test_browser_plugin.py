"""Browser tests are never left out in silence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def browser_test(tmp_path: Path) -> Path:
    path = tmp_path / "test_page.py"
    path.write_text(
        "import pytest\n@pytest.mark.browser\ndef test_page(): pass\ndef test_other(): pass\n", encoding="utf-8"
    )
    return path


def run_pytest(path: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "CI", "LOCKBAY_WHOLE", "LOCKBAY_CHROMIUM"))
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "pyproject.toml",
        *options,
        str(path),
    ]
    return subprocess.run(
        command, cwd=ROOT, env={**inherited, **environment}, capture_output=True, text=True, check=False
    )


def test_run_where_a_chromium_is_found(browser_test: Path) -> None:
    run = run_pytest(browser_test, LOCKBAY_CHROMIUM=sys.executable, CI="true", LOCKBAY_WHOLE_SUITE="1")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed" in run.stdout


def test_are_left_out_loudly_without_one(browser_test: Path) -> None:
    run = run_pytest(browser_test, PATH="/nonexistent")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed, 1 deselected" in run.stdout
    assert "THE BROWSER TESTS DID NOT RUN" in run.stdout


def test_stop_ci_without_a_chromium(browser_test: Path) -> None:
    run = run_pytest(browser_test, PATH="/nonexistent", CI="true")
    assert run.returncode != 0
    assert "no Chromium was found" in run.stderr


def test_fail_ci_when_none_of_them_ran(browser_test: Path) -> None:
    run = run_pytest(browser_test, "-k", "other", LOCKBAY_CHROMIUM=sys.executable, CI="true", LOCKBAY_WHOLE_SUITE="1")
    assert run.returncode == 1, run.stdout + run.stderr
    assert "NO BROWSER TEST PASSED" in run.stdout


def test_count_when_they_run_in_parallel_processes(browser_test: Path) -> None:
    run = run_pytest(browser_test, "-n", "2", LOCKBAY_CHROMIUM=sys.executable, CI="true", LOCKBAY_WHOLE_SUITE="1")
    assert run.returncode == 0, run.stdout + run.stderr

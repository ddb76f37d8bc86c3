"""Tests with a local chain are never left out in silence."""

from pathlib import Path

import pytest

from tests.dev.test_browser_plugin import run_pytest


@pytest.fixture
def chain_test(tmp_path: Path) -> Path:
    path = tmp_path / "test_chain.py"
    path.write_text("def test_pays(local_chain): pass\ndef test_other(): pass\n", encoding="utf-8")
    return path


def test_are_left_out_loudly_without_node(chain_test: Path) -> None:
    run = run_pytest(chain_test, PATH="/nonexistent")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed, 1 deselected" in run.stdout
    assert "NO LOCAL CHAIN: ITS TESTS DID NOT RUN" in run.stdout


def test_stop_ci_without_node(chain_test: Path) -> None:
    run = run_pytest(chain_test, PATH="/nonexistent", LOCKBAY_CHROMIUM="/bin/true", CI="true")
    assert run.returncode != 0
    assert "node was not found" in run.stderr

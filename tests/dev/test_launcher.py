"""The launcher: it installs once, says what is missing, and sums up honestly."""

import importlib.machinery
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The launcher, living in an empty folder with lock files of its own."""
    loader = importlib.machinery.SourceFileLoader("launcher", str(ROOT / "dev"))
    spec = importlib.util.spec_from_loader("launcher", loader)
    assert spec
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text("# nothing to install\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "ROOT", str(tmp_path))
    monkeypatch.setattr(module, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(module, "PYTHON", str(tmp_path / ".venv/bin/python"))
    monkeypatch.setattr(module, "MARKER", str(tmp_path / ".venv/lockbay-installed.json"))
    return module


def test_installs_once_and_again_only_when_the_lock_file_changed(
    launcher: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    launcher.install("dev")
    assert "installing requirements-dev.txt" in capfd.readouterr().out
    launcher.install("dev")
    launcher.install("runtime")  # a part of dev
    assert capfd.readouterr().out == ""
    (tmp_path / "requirements.txt").write_text("# still nothing\n")
    launcher.install("runtime")
    assert "installing requirements.txt" in capfd.readouterr().out


def test_installs_dev_after_runtime_alone(launcher: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    launcher.install("runtime")
    capfd.readouterr()
    launcher.install("dev")
    assert "installing requirements-dev.txt" in capfd.readouterr().out


def test_refuses_packages_without_hashes(launcher: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("idna==3.10\n")
    with pytest.raises(SystemExit):
        launcher.install("runtime")
    assert not (tmp_path / ".venv/lockbay-installed.json").exists()


def test_says_what_to_install_when_ensurepip_is_missing(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launcher, "works", lambda _command: False)
    with pytest.raises(SystemExit):
        launcher.install("runtime")
    assert f"python{sys.version_info[0]}.{sys.version_info[1]}-venv" in capsys.readouterr().out


def test_notices_dependencies_that_the_lock_files_do_not_know(launcher: ModuleType, tmp_path: Path) -> None:
    project = '[project]\nrequires-python = ">=3.11"\ndependencies = []\n[dependency-groups]\ndev = []\n'
    (tmp_path / "pyproject.toml").write_text(project)
    for name in launcher.REQUIREMENTS.values():
        (tmp_path / name).write_text(launcher.DIGEST_LINE + launcher.dependencies_digest() + "\n")
    assert launcher.is_lock_fresh()
    (tmp_path / "pyproject.toml").write_text(project.replace("dependencies = []", 'dependencies = ["idna"]', 1))
    assert not launcher.is_lock_fresh()


def test_runtime_pins_are_a_part_of_the_dev_pins() -> None:
    runtime, dev = (_pins(name) for name in ("requirements.txt", "requirements-dev.txt"))
    assert runtime
    assert runtime <= dev


def test_lock_files_name_no_registry() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert "://" not in (ROOT / name).read_text()
        assert "--index" not in (ROOT / name).read_text()


def test_a_run_is_green_only_when_every_part_passed(launcher: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert launcher.summarise([("sqlite", (True, 1.0)), ("postgres", (True, 2.0))]) == 0
    assert "ALL GREEN" in capsys.readouterr().out
    assert launcher.summarise([("sqlite", (True, 1.0)), ("postgres", (False, 2.0))]) == 1
    assert "postgres FAILED" in capsys.readouterr().out


def test_fails_in_ci_without_a_chromium(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launcher, "install", lambda _kind: None)
    monkeypatch.setattr(launcher, "CHROMIUMS", ("no-such-browser",))
    monkeypatch.delenv("LOCKBAY_CHROMIUM", raising=False)
    monkeypatch.setenv("CI", "true")
    assert launcher.test([]) == 1
    assert "NO CHROMIUM" in capsys.readouterr().out


def test_names_the_commands_when_it_does_not_know_one() -> None:
    run = subprocess.run([sys.executable, "dev", "fly"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "up, test, check, bench, manage, lock" in run.stdout


def test_is_executable() -> None:
    assert os.access(ROOT / "dev", os.X_OK)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def _pins(name: str) -> set[str]:
    lines = (ROOT / name).read_text().splitlines()
    return {line.rstrip(" \\") for line in lines if line[:1].isalnum()}


def test_installs_the_local_chain_once_and_again_only_when_its_lock_file_changed(
    launcher: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, calls = tmp_path / "tests/chain", tmp_path / "calls"
    (folder / "node_modules").mkdir(parents=True)
    (tmp_path / "var").mkdir()
    npm = tmp_path / "bin/npm"
    npm.parent.mkdir()
    npm.write_text(f'#!/bin/sh\necho "$PWD $@" >> {calls}\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", str(npm.parent), prepend=":")
    for lock in ("one", "one", "two"):
        (folder / "package-lock.json").write_text(lock)
        launcher.install_test_chain()
    assert calls.read_text().splitlines() == [f"{folder} ci --ignore-scripts --loglevel=error"] * 2


def test_the_chains_lock_file_names_no_registry() -> None:
    text = (ROOT / "tests/chain/package-lock.json").read_text() + (ROOT / "tests/chain/.npmrc").read_text()
    assert 'resolved"' not in text
    assert "registry=" not in text

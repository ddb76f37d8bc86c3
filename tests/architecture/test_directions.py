"""Dependencies point down: by imports (import-linter) and by foreign keys, which a reader of imports cannot see."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.db.models import ForeignKey, Model

from tests.architecture.scanning import ROOT

# A room may point at itself and at those before it.
ORDER = ["django", "ground", "wallets", "payments", "escrows", "edges"]
PLACE = {
    "lockbay": "ground",
    "people": "ground",
    "events": "ground",
    "wallets": "wallets",
    "payments": "payments",
    "escrows": "escrows",
    "notifications": "edges",
    "telegrambot": "edges",
}


def place_of(model: type[Model]) -> int:
    return ORDER.index(PLACE.get(model._meta.app_label, "django"))


def test_every_foreign_key_points_down() -> None:
    wrong = [
        f"{model.__name__}.{field.name} → {field.related_model.__name__}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if isinstance(field, ForeignKey) and place_of(model) and place_of(field.related_model) > place_of(model)
    ]
    assert wrong == []


def test_our_models_are_all_in_a_known_room() -> None:
    ours = {model._meta.app_label for model in apps.get_models() if (ROOT / _folder(model)).is_dir()}
    assert ours - {"lockbay", "people", "events"} <= set(PLACE)


@pytest.mark.timeout(120)
def test_imports_point_down() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([str(linter)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-3000:]


@pytest.mark.timeout(120)
def test_an_import_that_points_up_is_refused(tmp_path: Path) -> None:
    """The contract itself can go red: a copy of the rooms in which the books know the escrows."""
    import shutil

    for room in (*("lockbay", "wallets", "payments", "escrows", "notifications", "telegrambot"),):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "wallets" / "queries.py").open("a") as file:
        file.write("\nfrom escrows import models  # noqa\n")
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([str(linter), "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stdout[-2000:]
    assert "wallets" in run.stdout


def _folder(model: type[Model]) -> str:
    return model.__module__.split(".", 1)[0]

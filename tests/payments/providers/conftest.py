"""Calls to providers pass their breakers, and those are rows."""

import pytest


@pytest.fixture(autouse=True)
def _breakers_are_rows(db: None) -> None:
    """Each test has a database of its own, and so closed breakers."""

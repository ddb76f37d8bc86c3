"""Readers are made anew for every test."""

from collections.abc import Iterator

import pytest

from payments import chains


@pytest.fixture(autouse=True)
def _fresh_readers() -> Iterator[None]:
    chains.forget_readers()
    yield
    chains.forget_readers()

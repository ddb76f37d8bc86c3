"""Tests that start processes of their own come first: they wait more than they work, and at the end of a run one worker
would be left alone with them. They do not use the test database, so their place in the order means nothing to it."""

import pytest

_OF_THEIR_OWN = (
    "tests/journeys/",
    "tests/faults/test_f04_database_crash.py",
    "tests/faults/test_f05_same_event_a_thousand_times.py",
    "tests/faults/test_f20_start_without_rates.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(_OF_THEIR_OWN))

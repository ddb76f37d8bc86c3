from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings

from tests.notifications.mail_wires import Scripted


@pytest.fixture
def mail_server(settings: LazySettings) -> Iterator[type[Scripted]]:
    """A mail server that can be told to misbehave."""
    settings.EMAIL_BACKEND = "tests.notifications.mail_wires.Scripted"
    Scripted.script, Scripted.taken = [], []
    yield Scripted
    Scripted.script, Scripted.taken = [], []


@pytest.fixture(autouse=True)
def one_staff_address(settings: Any) -> None:
    settings.STAFF_EMAILS = ["olu@lockbay.example"]

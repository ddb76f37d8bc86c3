"""An address that names no row says so: every page of the desk that shows one, with what no row can be called (A1)."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import NoReverseMatch, reverse

from tests.cast import olu

NO_ROWS = ["none", "²", "0", "-1", "9" * 30, "1_0", "1%00"]


def pages_of_one_row() -> list[str]:
    """The names of all addresses that take a row's id."""
    return sorted(
        {
            pattern.name
            for model_admin in admin.site._registry.values()
            for pattern in model_admin.get_urls()
            if pattern.name and "object_id" in str(pattern.pattern)
        }
    )


@pytest.mark.django_db
@pytest.mark.parametrize("name", pages_of_one_row())
def test_an_address_of_no_row_is_told_so(name: str, client: Client) -> None:
    client.force_login(olu())
    client.raise_request_exception = False
    assert {said: status for said in NO_ROWS if (status := _status(client, name, said)) >= 500} == {}


def _status(client: Client, name: str, said: str) -> Any:
    try:
        address = reverse(f"admin:{name}", args=[said])
    except NoReverseMatch:
        return 404
    return client.get(address).status_code

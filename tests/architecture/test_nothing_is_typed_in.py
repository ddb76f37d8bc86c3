"""No form of the admin edits a balance or a status: what is wrong is mended through the books (A1, A3)."""

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.test import RequestFactory

from lockbay.people.models import User

ROOMS = {"wallets", "payments", "escrows", "events"}
FACTS = {"status", "state", "balance", "owes", "amount", "minor", "amount_minor", "price_minor", "pay_minor"}
PAGES: list[tuple[type[Model], ModelAdmin]] = [
    (model, page)
    for model, page in admin.site._registry.items()
    if model._meta.app_label in ROOMS or FACTS & {field.name for field in model._meta.get_fields()}
]


@pytest.fixture
def request_of_the_owner() -> object:
    """Somebody with every right there is."""
    request = RequestFactory().get("/admin/")
    request.user = User(pk=1, username="owner", is_staff=True, is_superuser=True)
    return request


@pytest.mark.parametrize(("model", "page"), PAGES, ids=lambda value: getattr(value, "__name__", ""))
def test_not_even_an_owner_adds_changes_or_deletes_rows(
    model: type[Model], page: ModelAdmin, request_of_the_owner: object
) -> None:
    inlines = [inline(model, admin.site) for inline in page.inlines]
    assert not page.has_add_permission(request_of_the_owner)
    assert not any(inline.has_add_permission(request_of_the_owner, None) for inline in inlines)
    for part in (page, *inlines):
        assert not part.has_change_permission(request_of_the_owner)
        assert not part.has_delete_permission(request_of_the_owner) or not part.can_delete
    assert page.list_editable == ()


def test_the_pages_of_money_are_all_among_them() -> None:
    names = {model.__name__ for model, _page in PAGES}
    assert {"Account", "Operation", "Repair", "Withdrawal", "Deposit", "Intent", "InboxEvent", "Escrow"} <= names

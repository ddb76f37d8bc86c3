"""The base of every admin page of facts: they are looked at, never typed (A1)."""

from typing import Any

from django.http import HttpRequest

from lockbay.row_addresses import RowAddresses


class ReadOnlyAdmin(RowAddresses):
    """Nobody adds, changes or deletes here, whatever rights they have; buttons are views that call actions."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

"""Network fees and lists of banks in the admin: what is known, from whom, and how old it is. To look at."""

from django.conf import settings
from django.contrib import admin
from unfold.decorators import display

from lockbay import clock
from lockbay.read_only_admin import ReadOnlyAdmin
from payments.models import BankList, StoredFee


@admin.register(StoredFee)
class StoredFeeAdmin(ReadOnlyAdmin):
    """One line a kind of transfer."""

    list_display = ["chain", "kind", "cost", "asset", "source", "fetched_at", "state"]
    list_filter = ["chain", "source"]
    ordering = ["chain", "kind"]

    @display(description="State", label={"fresh": "success", "too old": "danger"})
    def state(self, fee: StoredFee) -> str:
        is_old = abs(clock.real_now() - fee.fetched_at) > settings.NETWORK_FEE_LIMIT
        return "too old" if is_old else "fresh"


@admin.register(BankList)
class BankListAdmin(ReadOnlyAdmin):
    """One line a rail."""

    list_display = ["rail", "count", "fetched_at"]

    @display(description="Banks")
    def count(self, row: BankList) -> int:
        return len(row.banks)

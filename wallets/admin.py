"""The books in the admin: read-only everywhere; the one button is the proof (A1, B8)."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.admin import TabularInline
from unfold.decorators import action, display

from lockbay.read_only_admin import ReadOnlyAdmin
from lockbay.repair_button import RepairButton
from wallets import payout_admin, repair_admin, withdrawal_admin  # noqa: F401  register their pages
from wallets.accounts import AccountCode
from wallets.models import Account, Checkpoint, Entry, LedgerCheck, Operation
from wallets.money import Money
from wallets.proof import check_ledger
from wallets.queries import balance_of


class EntryInline(TabularInline):
    model = Entry
    extra = 0
    hide_title = True
    fields = ["account", "amount_text", "balance_text"]
    readonly_fields = fields
    ordering = ["id"]
    can_delete = False

    @display(description="amount")
    def amount_text(self, entry: Entry) -> str:
        return str(entry.money)

    @display(description="balance after")
    def balance_text(self, entry: Entry) -> str:
        return "" if entry.balance_after is None else str(Money(entry.balance_after, entry.asset))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DebtFilter(admin.SimpleListFilter):
    """The accounts whose owners owe us."""

    title = "debt"
    parameter_name = "debt"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "owes us")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        return queryset.filter(owes__gt=0) if self.value() == "open" else queryset


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ["code", "kind", "asset", "balance_text", "owes_text", "owner", "opened_at"]
    list_filter = ["kind", "asset", DebtFilter]
    search_fields = ["code"]
    list_select_related = ["owner"]

    @display(description="balance")
    def balance_text(self, account: Account) -> str:
        """The platform's accounts keep no running balance: theirs is added up here, from the last checkpoint on."""
        if account.money is not None:
            return str(account.money)
        return str(balance_of(AccountCode(kind=account.kind, asset=account.asset, reference=account.reference)))

    @display(description="owes", ordering="owes")
    def owes_text(self, account: Account) -> str:
        """What its owner owes us for vanished payments; later credits settle it (P7)."""
        return str(Money(account.owes, account.asset)) if account.owes else ""


@admin.register(Operation)
class OperationAdmin(RepairButton, ReadOnlyAdmin):
    repair_subject = "operation"
    actions_detail = ["repair"]
    list_display = ["key", "kind", "reference", "posted_at", "reverses"]
    list_filter = ["kind"]
    search_fields = ["key", "reference"]
    list_select_related = ["reverses"]
    inlines = [EntryInline]


@admin.register(LedgerCheck)
class LedgerCheckAdmin(ReadOnlyAdmin):
    list_display = ["id", "result", "reach", "entries_read", "up_to_entry", "started_at", "finished_at"]
    actions_list = ["run_incremental", "run_full"]

    @display(description="result", label={"holds": "success", "BREACH": "danger", "unfinished": "warning"})
    def result(self, check: LedgerCheck) -> str:
        if check.finished_at is None:
            return "unfinished"
        return "BREACH" if check.breaches else "holds"

    @display(description="reach")
    def reach(self, check: LedgerCheck) -> str:
        return "everything" if check.full else "what was new"

    @action(description="Prove what is new", url_path="prove-new", permissions=["prove"])
    def run_incremental(self, request: HttpRequest) -> HttpResponse:
        return self._run(request, full=False)

    @action(description="Prove everything", url_path="prove-all", permissions=["prove"])
    def run_full(self, request: HttpRequest) -> HttpResponse:
        return self._run(request, full=True)

    def has_prove_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("wallets.view_ledgercheck")

    def _run(self, request: HttpRequest, *, full: bool) -> HttpResponse:
        check = check_ledger(full=full)
        if check.breaches:
            messages.error(request, f"The books do not hold: {len(check.breaches)} breach(es). Payouts are stopped.")
        else:
            messages.success(request, f"The books hold: {check.entries_read} entries read.")
        return redirect(reverse("admin:wallets_ledgercheck_changelist"))


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ["account", "balance", "up_to_entry", "taken_at"]
    list_select_related = ["account"]

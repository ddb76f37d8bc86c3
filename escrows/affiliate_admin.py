"""The affiliates' report (E19): who brought how many, and what it earned them; read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import BigIntegerField, Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from unfold.decorators import display

from escrows.affiliate_models import AffiliateLink, FirstStart
from escrows.affiliates import RELEASE
from lockbay.read_only_admin import ReadOnlyAdmin
from wallets.accounts import AFFILIATE
from wallets.models import Account, Entry
from wallets.money import Money

_ASSET = "USD"


@admin.register(AffiliateLink)
class AffiliateAdmin(ReadOnlyAdmin):
    list_display = ["owner", "code", "people", "trades", "earned_text", "there_text", "made_at"]
    search_fields = ["code", "owner__username", "owner__first_name", "owner__telegram_username"]
    list_select_related = ["owner"]
    ordering = ["-id"]
    fields = ["owner", "code", "made_at", "people", "trades", "earned_text", "there_text", "brought_text"]
    readonly_fields = ["people", "trades", "earned_text", "there_text", "brought_text"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AffiliateLink]:
        """The figures come with the rows: one query a page, from the books."""
        earning = Entry.objects.filter(
            account__owner=OuterRef("owner"),
            account__kind=AFFILIATE,
            account__asset=_ASSET,
            operation__kind=RELEASE,
        ).values("account")
        there = Account.objects.filter(owner=OuterRef("owner"), kind=AFFILIATE, asset=_ASSET).values("balance")
        brought = FirstStart.objects.filter(referrer=OuterRef("owner")).values("referrer")
        zero = {"output_field": BigIntegerField()}
        rows: QuerySet[AffiliateLink] = super().get_queryset(request)
        return rows.annotate(
            brought=Coalesce(Subquery(brought.annotate(n=Count("pk")).values("n")), 0, **zero),
            earning_trades=Coalesce(Subquery(earning.annotate(n=Count("pk")).values("n")), 0, **zero),
            earned_minor=Coalesce(Subquery(earning.annotate(n=Sum("amount")).values("n")), 0, **zero),
            there_minor=Coalesce(Subquery(there), 0, **zero),
        )

    @display(description="people brought", ordering="brought")
    def people(self, row: Any) -> int:
        return int(row.brought)

    @display(description="trades that earned", ordering="earning_trades")
    def trades(self, row: Any) -> int:
        return int(row.earning_trades)

    @display(description="earned", ordering="earned_minor")
    def earned_text(self, row: Any) -> str:
        return str(Money(row.earned_minor, _ASSET))

    @display(description="there now", ordering="there_minor")
    def there_text(self, row: Any) -> str:
        return str(Money(row.there_minor, _ASSET))

    @display(description="brought, newest first")
    def brought_text(self, row: AffiliateLink) -> str:
        newest = FirstStart.objects.filter(referrer_id=row.owner_id).select_related("user").order_by("-at")[:50]
        return ", ".join(f"{one.user} ({one.at:%Y-%m-%d})" for one in newest) or "-"

"""Rates in the admin: how fresh each pair is, whom nobody asks at the moment, and what was judged. To look at."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display

from lockbay import clock
from lockbay.read_only_admin import ReadOnlyAdmin
from payments import breaker
from payments.models import Breaker, RateHistory, StoredRate
from payments.rates import tiers
from payments.rates.currencies import PAIRS

_TOO_OLD = "too old"
_TIER_LABELS = {tiers.RAPID: "success", tiers.MAIN: "info", tiers.FALLBACK: "warning", _TOO_OLD: "danger"}
_REFUSALS = ("no_answer", "not_positive", "stale", "out_of_range", "jump", "disagreement")


def judgement_of(is_accepted: bool, note: str) -> str:
    """A few words: median, why the best source was taken alone, or why all were refused."""
    words = note.replace("_", " ")
    return (words or "median") if is_accepted else f"refused: {words}"


_JUDGED_LABELS = {
    "median": "success",
    "one source": "info",
    "disputed": "warning",
    **{judgement_of(False, reason): "danger" for reason in _REFUSALS},
}


@admin.register(StoredRate)
class StoredRateAdmin(ReadOnlyAdmin):
    """One line a pair. Above them the sources, and the pairs without a rate."""

    list_display = ["pair", "rate", "tier", "age", "source", "judgement", "judged"]
    list_filter = ["quote"]
    search_fields = ["base", "quote", "source"]
    ordering = ["base", "quote"]
    list_before_template = "admin/payments/rate_sources.html"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[StoredRate]":
        last = RateHistory.objects.filter(base=OuterRef("base"), quote=OuterRef("quote")).order_by("-id")
        words = last.values(words=JSONObject(accepted="is_accepted", note="note"))[:1]
        found: QuerySet[StoredRate] = super().get_queryset(request)
        return found.annotate(last_words=Subquery(words), last_judged_at=Subquery(last.values("judged_at")[:1]))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        known = set(StoredRate.objects.values_list("base", "quote"))
        context = {
            "rate_sources": source_states(),
            "missing_pairs": [f"{base}-{quote}" for base, quote in PAIRS if (base, quote) not in known],
        }
        page: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **context})
        return page

    @display(description="pair", ordering="base")
    def pair(self, row: StoredRate) -> str:
        return str(row)

    @display(description="tier", label=_TIER_LABELS, ordering="-fetched_at")
    def tier(self, row: StoredRate) -> str:
        return tiers.tier_of_age(abs(clock.real_now() - row.fetched_at)) or _TOO_OLD

    @display(description="age", ordering="-fetched_at")
    def age(self, row: StoredRate) -> str:
        seconds = int((clock.real_now() - row.fetched_at).total_seconds())
        return f"{seconds // 60} min {seconds % 60} s"

    @display(description="last judgement", label=_JUDGED_LABELS)
    def judgement(self, row: Any) -> str:
        words = row.last_words
        return "" if words is None else judgement_of(words["accepted"], words["note"])

    @display(description="judged at")
    def judged(self, row: Any) -> Any:
        return row.last_judged_at


@admin.register(RateHistory)
class RateHistoryAdmin(ReadOnlyAdmin):
    """Every judgement of the last 30 days, with the words of each source."""

    list_display = ["judged_at", "pair", "judgement", "rate", "source", "said"]
    list_filter = ["is_accepted", "note", "base", "quote"]
    ordering = ["-id"]

    @display(description="pair")
    def pair(self, row: RateHistory) -> str:
        return str(row)

    @display(description="judgement", label=_JUDGED_LABELS)
    def judgement(self, row: RateHistory) -> str:
        return judgement_of(row.is_accepted, row.note)

    @display(description="the sources said")
    def said(self, row: RateHistory) -> str:
        return ", ".join(f"{source} {rate}" for source, rate, _said_at in row.claims)


def source_states() -> list[dict[str, Any]]:
    """By source: failures in a row, and until when nobody asks it; the enabled ones first, best first."""
    breakers = {row.source: row for row in Breaker.objects.all() if not breaker.is_of_provider(row.source)}
    names = [*settings.RATE_SOURCES, *sorted(set(breakers) - set(settings.RATE_SOURCES))]
    now = clock.real_now()
    return [
        {
            "name": name,
            "is_enabled": name in settings.RATE_SOURCES,
            "failures": breakers[name].failures if name in breakers else 0,
            "open_until": until if (until := name in breakers and breakers[name].open_until) and until > now else None,
        }
        for name in names
    ]

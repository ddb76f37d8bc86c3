"""Yesterday in one message to staff: what was paid, traded and withdrawn, and what waits for somebody (N6).

A day is a day of the domain's clock, UTC. Its numbers are fixed when the message is recorded, and so is what waits: a
message that comes late still says what was true then.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count

from escrows.models import Escrow
from escrows.states import Status
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from lockbay.events.recording import NewEvent, record
from lockbay.setsql import insert_new
from notifications.models import Delivery, DeliveryState, Incident, StaffNotice
from payments.models import InboxEvent
from payments.states import InboxStatus
from wallets.models import LedgerCheck, Withdrawal
from wallets.money import Money, parse_money
from wallets.withdrawal_states import WithdrawalStatus

_COUNTED = {
    Kind.ESCROW_COMPLETED: "completed",
    Kind.ESCROW_REFUNDED: "refunded",
    Kind.WITHDRAWAL_COMPLETED: "withdrawn",
    Kind.WITHDRAWAL_FAILED: "withdrawals_failed",
    Kind.WITHDRAWAL_REVERSED: "withdrawals_reversed",
}
_WAIT_FOR_STAFF = (
    WithdrawalStatus.PENDING_APPROVAL,
    WithdrawalStatus.AWAITING_REGISTRATION,
    WithdrawalStatus.UNKNOWN,
)


@dataclass(frozen=True)
class Day:
    """From midnight to midnight: `begins` ≤ moment < `ends`."""

    begins: datetime
    ends: datetime


def record_digest() -> bool:
    """Records the message about yesterday once settings.DIGEST_HOUR has come, once a day; True when it did."""
    now = clock.now()
    if settings.DIGEST_HOUR is None or now.hour < settings.DIGEST_HOUR:
        return False
    yesterday = now.date() - timedelta(days=1)
    key = f"day:{yesterday.isoformat()}"
    if StaffNotice.objects.filter(key=key).exists():
        return False
    numbers = numbers_of(yesterday)  # outside: SQLite's only write lock is not held while a day is added up
    with transaction.atomic():
        made = insert_new(StaffNotice, [{"key": key, "made_at": clock.real_now()}], unique="key", returning=["id"])
        if not made:
            return False
        [event] = record([NewEvent(Kind.STAFF_DIGEST, "house", made[0][0], data=numbers)])
        StaffNotice.objects.filter(pk=made[0][0]).update(event=event)
    return True


def numbers_of(day: date) -> dict[str, Any]:
    """What happened on `day` and what waits now, as an event can carry it."""
    begins = datetime.combine(day, time.min, UTC)
    window = Day(begins, begins + timedelta(days=1))
    happened = {
        **_payments("payments", Kind.ESCROW_PAYMENT_CONFIRMED, window),
        **_payments("top_ups", Kind.DEPOSIT_CREDITED, window),
        **_counts(window),
    }
    waiting = _waiting()
    return {
        "day": day.isoformat(),
        "is_quiet": not any(happened.values()),
        "something_waits": any(waiting.values()),
        **happened,
        **waiting,
        **_messages(window),
        **_proof(),
    }


def _payments(name: str, kind: Kind, window: Day) -> dict[str, Any]:
    facts = _events([kind], window).values_list("data", flat=True)
    count, sums = _add_up(fact["received"] for fact in facts.iterator(chunk_size=2000) if "received" in fact)
    return {name: count, f"{name}_sums": [str(money) for money in sums]}


def _add_up(amounts: Iterable[str]) -> tuple[int, list[Money]]:
    """How many, and the sum of each asset, by its name."""
    count, minors = 0, defaultdict[str, int](int)
    for text in amounts:
        amount, _, asset = text.rpartition(" ")
        minors[asset] += parse_money(amount, asset).minor
        count += 1
    return count, [Money(minor, asset) for asset, minor in sorted(minors.items())]


def _counts(window: Day) -> dict[str, int]:
    found = _events(_COUNTED, window).values_list("kind").annotate(count=Count("pk")).order_by()
    counted = Counter({_COUNTED[Kind(kind)]: count for kind, count in found})
    return {name: counted[name] for name in _COUNTED.values()}


def _events(kinds: Iterable[Kind], window: Day):  # type: ignore[no-untyped-def]
    return Event.objects.filter(kind__in=[kind.value for kind in kinds], at__gte=window.begins, at__lt=window.ends)


def _waiting() -> dict[str, int]:
    incidents = Incident.objects.filter(closed_at__isnull=True)
    return {
        "disputed": Escrow.objects.filter(status=Status.DISPUTED).count(),
        "withdrawals_waiting": Withdrawal.objects.filter(status__in=_WAIT_FOR_STAFF).count(),
        "parked": InboxEvent.objects.filter(status=InboxStatus.PARKED).count(),
        "incidents": incidents.count(),
        "incidents_untaken": incidents.filter(acknowledged_at__isnull=True).count(),
    }


def _messages(window: Day) -> dict[str, int]:
    """Deliveries live in real time, which the sandbox's clock may have left behind."""
    ahead = timedelta(seconds=clock.offset())
    made = Delivery.objects.filter(created_at__gte=window.begins - ahead, created_at__lt=window.ends - ahead)
    return {"failed_messages": made.filter(state=DeliveryState.FAILED).count()}


def _proof() -> dict[str, Any]:
    """The newest proof of the books: what it found and how old it is, in seconds."""
    check = LedgerCheck.objects.order_by("-pk").first()
    if check is None:
        return {"proof": "none", "proof_age": 0, "breaches": 0}
    result = "breached" if check.breaches else "green" if check.is_green else "unfinished"
    age = clock.real_now() - (check.finished_at or check.started_at)
    return {"proof": result, "proof_age": int(age.total_seconds()), "breaches": len(check.breaches)}

"""What channels say later about a message they took: delivered, opened, bounced, failed (N3, N6, F18).

Every report is kept as a row whose key makes a repetition nothing. A delivery only moves forward: sent → delivered →
opened, or sent → failed; what comes late, twice or about a message that is not ours changes nothing. A report may
overtake our own marking of the try it speaks of: such a row waits, and match_early_reports() takes it up.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef

from lockbay import clock
from lockbay.people.models import Channel, Contact
from lockbay.setsql import insert_new
from notifications import ladder
from notifications.models import Delivery, DeliveryState, TrackingReport, What
from notifications.told import start_clock_of

log = structlog.get_logger(__name__)

# A report that fits nothing is tried again for so long: our own mark comes within seconds, after a crash in minutes.
EARLY_FOR = timedelta(hours=1)
KEPT_FOR = timedelta(days=180)
_MOST_EARLY = 200
_OPEN = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.OPENED)


class Applied(StrEnum):
    """What became of a report."""

    MOVED = "moved"
    KEPT = "kept"  # true, and already known or overtaken
    REPEATED = "repeated"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Report:
    """One word of a channel. `key` is equal for repetitions of it; `address` is where the message went."""

    channel: str
    provider_id: str
    what: What
    at: datetime | None
    key: str
    address: str = ""
    detail: str = ""


def apply_tracking(report: Report) -> Applied:
    """Keeps the report and moves its delivery, in one transaction; then starts the clock that waited for it."""
    now = clock.real_now()
    row = {
        "channel": report.channel,
        "provider_id": _printable(report.provider_id)[:200],
        "what": report.what.value,
        "at": min(report.at or now, now),
        "digest": hashlib.sha256(f"{report.channel}\n{report.key}".encode("utf-8", "replace")).hexdigest(),
        "address": _printable(report.address)[:254],
        "detail": _printable(report.detail)[:200],
        "received_at": now,
    }
    with transaction.atomic():
        inserted = insert_new(TrackingReport, [row], unique="digest", returning=["id"])
        if not inserted:
            return Applied.REPEATED
        kept = TrackingReport.objects.get(pk=inserted[0][0])
        applied, delivery = _apply(kept)
    _after(applied, delivery, kept)
    return applied


def match_early_reports() -> int:
    """Applies reports that came before we had marked the message they are about; returns how many fitted now."""
    since = clock.real_now() - EARLY_FOR
    marked = Delivery.objects.exclude(provider_id="").filter(
        channel=OuterRef("channel"), provider_id=OuterRef("provider_id")
    )
    # Other people's messages, of an account that is shared, must not stand before ours.
    early = TrackingReport.objects.filter(Exists(marked), delivery__isnull=True, received_at__gte=since).order_by("pk")
    matched = 0
    for pk in list(early.values_list("pk", flat=True)[:_MOST_EARLY]):
        with transaction.atomic():
            row = TrackingReport.objects.select_for_update(no_key=True, of=("self",)).get(pk=pk)
            applied, delivery = _apply(row) if row.delivery_id is None else (Applied.REPEATED, None)
        matched += delivery is not None
        _after(applied, delivery, row)
    return matched


def note_opened(chat_id: int, message_id: int) -> bool:
    """A button of our message was pressed in Telegram: so it was seen (N8). False when it is no message of ours."""
    found = Delivery.objects.filter(
        channel=Channel.TELEGRAM.value,
        provider_id=str(message_id),
        recipient__telegram_id=chat_id,
        state__in=[DeliveryState.SENT, DeliveryState.DELIVERED],
    )
    if not found.exists():  # look before taking SQLite's only write lock
        return False
    return found.update(state=DeliveryState.OPENED, opened_at=clock.real_now()) > 0


def forget_old_reports() -> int:
    """Removes reports whose message is long over, and such as never fitted any."""
    now = clock.real_now()
    old = TrackingReport.objects.filter(received_at__lt=now - KEPT_FOR)
    strange = TrackingReport.objects.filter(delivery__isnull=True, received_at__lt=now - timedelta(days=7))
    return (old | strange).delete()[0]


def _apply(row: TrackingReport) -> tuple[Applied, Delivery | None]:
    """Under the lock of the delivery, if there is one."""
    if not row.provider_id:
        return Applied.UNKNOWN, None
    found = Delivery.objects.filter(channel=row.channel, provider_id=row.provider_id)
    delivery = found.select_for_update(no_key=True, of=("self",)).select_related("event", "recipient").first()
    if delivery is None:
        return Applied.UNKNOWN, None
    row.delivery = delivery
    row.save(update_fields=["delivery"])
    moved = _move_back_to_ladder(delivery, row) if row.what in _BAD else _move_on(delivery, row)
    return (Applied.MOVED if moved else Applied.KEPT), delivery


_BAD = (What.FAILED, What.BOUNCED)


def _move_on(delivery: Delivery, row: TrackingReport) -> bool:
    if delivery.state not in _OPEN:
        return False
    before = (delivery.state, delivery.delivered_at, delivery.opened_at)
    at = max(row.at, delivery.sent_at or row.at)  # their clock may be behind ours
    delivery.delivered_at = delivery.delivered_at or at  # what was opened has arrived
    if row.what == What.OPENED:
        delivery.opened_at = delivery.opened_at or at
        delivery.state = DeliveryState.OPENED
    elif delivery.state == DeliveryState.SENT:
        delivery.state = DeliveryState.DELIVERED
    if (delivery.state, delivery.delivered_at, delivery.opened_at) == before:
        return False
    delivery.save(update_fields=["state", "delivered_at", "opened_at"])
    return True


def _move_back_to_ladder(delivery: Delivery, row: TrackingReport) -> bool:
    """It did not arrive after all: the next channel at once, and no more messages to an address that is dead."""
    if row.what == What.BOUNCED and delivery.state != DeliveryState.OPENED:  # also when its server had taken it first
        address, sent_at = _address_as_kept(delivery, row.address), delivery.sent_at or row.at
        ladder.mark_address_dead(delivery, address, reason=f"{row.what}: {row.detail}", sent_at=sent_at)
    if delivery.state != DeliveryState.SENT:
        return False
    delivery.state, delivery.error = DeliveryState.FAILED, f"{row.what}: {row.detail}"[:300]
    delivery.fallback_at = None
    delivery.save(update_fields=["state", "error", "fallback_at"])
    if not ladder.reopen_spared(delivery):
        ladder.step_down(delivery)
    return True


def _address_as_kept(delivery: Delivery, address: str) -> str:
    """Ours for what the channel calls the address: case and the plus of a number are not kept by all of them."""
    contacts = Contact.objects.filter(user=delivery.recipient, channel=delivery.channel)
    wanted = _plain(address)
    return next((contact.address for contact in contacts if _plain(contact.address) == wanted), address)


def _plain(address: str) -> str:
    return address.strip().lower().removeprefix("whatsapp:").removeprefix("+")


def _after(applied: Applied, delivery: Delivery | None, row: TrackingReport) -> None:
    log.info(
        "delivery_reported",
        channel=row.channel,
        what=row.what,
        applied=applied.value,
        delivery_id=delivery.pk if delivery else None,
    )
    if delivery is not None:
        start_clock_of(delivery)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)

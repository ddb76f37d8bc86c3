"""Where a person's money may be sent: added, removed, and made known to a rail (W7)."""

from typing import Any

from django.conf import settings
from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets.assets import digits_of
from wallets.errors import DecisionRefused, DestinationInUse, DestinationNotFound, IdempotencyConflict, WhyNot
from wallets.models import Destination, Withdrawal
from wallets.withdrawal_events import destination_event, withdrawal_event
from wallets.withdrawal_moving import move_withdrawal
from wallets.withdrawal_policy import lock_destination, require_may_decide, require_not_own
from wallets.withdrawal_states import OPEN, WithdrawalStatus


def add_destination(
    *,
    actor: User,
    rail: str,
    payout_asset: str,
    network: str,
    label: str,
    details: dict[str, Any],
    fingerprint: str,
    request_key: str = "",
) -> Destination:
    """Saves a target, which can be paid after the cool-off; the person is told of it on every channel.

    The caller has validated `details` and made the `fingerprint`. The same fingerprint, or the same `request_key`,
    returns the destination that is there. Raises: UnknownAsset, IdempotencyConflict.
    """
    digits_of(payout_asset)
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # one at a time adds
        known = _known(actor, fingerprint, request_key)
        if known is not None:
            return known
        now = clock.now()
        destination = Destination.objects.create(
            owner=actor,
            request_key=request_key or None,
            rail=rail,
            payout_asset=payout_asset,
            network=network,
            label=label,
            details=details,
            fingerprint=fingerprint,
            created_at=now,
            usable_at=now + settings.DESTINATION_COOL_OFF,
        )
        record([destination_event(Kind.DESTINATION_ADDED, destination, actor)])
    return destination


def remove_destination(*, actor: User, destination_id: int) -> Destination:
    """Takes it from the list; what went there keeps its copy. Removing it twice changes nothing.

    Raises: DestinationNotFound, DestinationInUse.
    """
    with transaction.atomic(durable=True):
        gone = Destination.objects.filter(pk=destination_id, owner=actor, removed_at__isnull=False).first()
        if gone is not None:
            return gone
        destination = lock_destination(actor, destination_id)
        going = Withdrawal.objects.filter(destination=destination, status__in=sorted(OPEN)).first()
        if going is not None:
            raise DestinationInUse(going.public_id)
        destination.removed_at = clock.now()
        destination.save(update_fields=["removed_at"])
        record([destination_event(Kind.DESTINATION_REMOVED, destination, actor)])
    return destination


def register_destination(*, actor: User, destination_id: int, registered_as: str, reason: str) -> Destination:
    """Staff saved the address with the rail under the name `registered_as`: what waits for it is processed now.

    Raises: DestinationNotFound, DecisionRefused.
    """
    reason = require_may_decide(actor, reason)
    name = registered_as.replace("\x00", "").strip()
    if not name or len(name) > 64:
        raise DecisionRefused(WhyNot.NEEDS_REFERENCE)
    with transaction.atomic(durable=True):
        destination = _lock_any(destination_id)
        require_not_own(actor, destination.owner_id)
        if destination.registered_as == name:
            return destination
        if destination.registered_as:
            raise DecisionRefused(WhyNot.ALREADY_DECIDED)
        destination.registered_as = name
        destination.save(update_fields=["registered_as"])
        facts = destination_event(Kind.DESTINATION_REGISTERED, destination, actor, registered_as=name, reason=reason)
        waiting = Withdrawal.objects.filter(destination=destination, status=WithdrawalStatus.AWAITING_REGISTRATION)
        rows = waiting.order_by("pk").select_for_update(no_key=True, of=("self",))
        events = [facts]
        for withdrawal in rows:
            move_withdrawal(withdrawal, WithdrawalStatus.PROCESSING, processing_since=clock.now())
            events.append(withdrawal_event(Kind.WITHDRAWAL_REGISTERED, withdrawal, actor, registered_as=name))
        record(events)
    return destination


def _known(actor: User, fingerprint: str, request_key: str) -> Destination | None:
    if request_key:
        first = Destination.objects.filter(request_key=request_key).first()
        if first is not None:
            if first.owner_id != actor.pk:
                raise IdempotencyConflict(request_key)
            return first
    return Destination.objects.live().filter(owner=actor, fingerprint=fingerprint).first()


def _lock_any(destination_id: int) -> Destination:
    rows = Destination.objects.select_for_update(no_key=True, of=("self",))
    destination = rows.filter(pk=destination_id).first()
    if destination is None:
        raise DestinationNotFound
    return destination

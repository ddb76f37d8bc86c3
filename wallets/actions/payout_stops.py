"""The stop switch of an asset's payouts (W7). The proof trips it by itself; people stop and resume here."""

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from wallets.assets import digits_of
from wallets.errors import DecisionRefused, WhyNot
from wallets.models import PayoutStop
from wallets.withdrawal_policy import is_house_owner, require_may_decide

_REASON_LONGEST = 200
_NO_ROW = 0  # the subject is the asset itself; its name is in the data


def stop_payouts(*, actor: User, asset: str, reason: str) -> PayoutStop:
    """Nothing in `asset` is approved or sent from now on. Repeating it returns the stop that is there.

    Raises: DecisionRefused, UnknownAsset.
    """
    reason = require_may_decide(actor, reason)
    digits_of(asset)
    with transaction.atomic(durable=True):
        stop, is_new = PayoutStop.objects.get_or_create(
            asset=asset, defaults={"reason": reason[:_REASON_LONGEST], "stopped_at": clock.now()}
        )
        if is_new:
            record([_event(Kind.PAYOUTS_STOPPED, actor, asset, reason)])
    return stop


def resume_payouts(*, actor: User, asset: str, reason: str) -> None:
    """Lifts the stop; an owner alone may, because the books may have tripped it. Nothing happens when there is none.

    Raises: DecisionRefused.
    """
    reason = require_may_decide(actor, reason)
    if not is_house_owner(actor):
        raise DecisionRefused(WhyNot.STAFF_ONLY)
    with transaction.atomic(durable=True):
        removed, _by_model = PayoutStop.objects.filter(asset=asset).delete()
        if removed:
            record([_event(Kind.PAYOUTS_RESUMED, actor, asset, reason)])


def _event(kind: Kind, actor: User, asset: str, reason: str) -> NewEvent:
    return NewEvent(kind, "payouts", _NO_ROW, actor_id=actor.pk, data={"asset": asset, "reason": reason})

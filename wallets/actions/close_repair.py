"""A repair that waits for a second person ends without effect: refused by another, or withdrawn by its proposer."""

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets.errors import RepairRefused
from wallets.models import Repair, RepairStatus
from wallets.repair_events import repair_event
from wallets.repair_policy import require_may_repair, require_reason


def close_repair(*, actor: User, repair_id: int, reason: str) -> Repair:
    """Withdraws what `actor` proposed, refuses what another did; a second click gets the repair as it is.

    Raises: RepairRefused.
    """
    require_may_repair(actor)
    reason = require_reason(reason)
    with transaction.atomic(durable=True):
        repair = Repair.objects.select_for_update(no_key=True, of=("self",)).filter(pk=repair_id).first()
        if repair is None:
            raise RepairRefused("unknown_repair")
        is_own = repair.asked_by_id == actor.pk
        end = RepairStatus.WITHDRAWN if is_own else RepairStatus.REFUSED
        if repair.status == end and (is_own or repair.second_id == actor.pk):
            return repair
        if repair.status != RepairStatus.PROPOSED:
            raise RepairRefused("not_waiting", status=repair.status)
        repair.status, repair.closed_at, repair.second_reason = end, clock.now(), reason
        repair.second = None if is_own else actor
        repair.save()
        told = Kind.REPAIR_WITHDRAWN if is_own else Kind.REPAIR_REFUSED
        record([repair_event(told, repair, actor, reason=reason)])
    return repair

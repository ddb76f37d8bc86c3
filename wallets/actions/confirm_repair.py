"""The second person confirms a repair (A3): what was shown to both is done."""

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets.errors import RepairChanged, RepairRefused
from wallets.models import Repair, RepairStatus
from wallets.repair_events import repair_event
from wallets.repair_policy import require_another, require_may_repair, require_reason
from wallets.repairs import order_for, run_within


def confirm_repair(*, actor: User, repair_id: int, digest: str, reason: str) -> Repair:
    """Does it in one transaction when it is still what both have seen; a second click gets the repair that is done.

    Raises: RepairRefused (the same person, their own money, no longer waiting), RepairChanged.
    """
    require_may_repair(actor)
    reason = require_reason(reason)
    with transaction.atomic(durable=True):
        rows = Repair.objects.select_for_update(no_key=True, of=("self",)).select_related("asked_by")
        repair = rows.filter(pk=repair_id).first()
        if repair is None:
            raise RepairRefused("unknown_repair")
        if repair.status == RepairStatus.DONE and repair.second_id == actor.pk:
            return repair
        if repair.status != RepairStatus.PROPOSED:
            raise RepairRefused("not_waiting", status=repair.status)
        require_another(actor, repair)
        done = run_within(repair.kind, order_for(repair, actor=actor, reason=f"{repair.reason} / {reason}"))
        if not done.digest == repair.digest == digest:
            raise RepairChanged
        repair.status, repair.closed_at = RepairStatus.DONE, clock.now()
        repair.second, repair.second_reason = actor, reason
        repair.operations = list(done.operations)
        repair.save()
        record([repair_event(Kind.REPAIR_DONE, repair, actor, reason=reason)])
    return repair

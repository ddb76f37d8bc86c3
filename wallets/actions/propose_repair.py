"""A member of staff repairs something (A3): at once up to the limit, above it a second person has to confirm."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from lockbay.setsql import insert_new
from wallets.errors import RepairChanged, RepairRefused
from wallets.models import Repair, RepairStatus
from wallets.repair_events import repair_event
from wallets.repair_policy import clean, require_may_repair, require_reason
from wallets.repair_subjects import name_of_subject
from wallets.repairs import RepairPreview, order_for, run_within

# What is not known before it was run.
_NOTHING_YET: dict[str, Any] = {
    "shown": {},
    "asset": "USD",
    "amount_minor": 0,
    "needs_two": False,
    "status": RepairStatus.PROPOSED.value,
    "second_id": None,
    "second_reason": "",
    "closed_at": None,
    "operations": [],
}


def propose_repair(
    *,
    actor: User,
    request_key: str,
    kind: str,
    subject_type: str,
    subject_id: int,
    given: Mapping[str, str],
    reason: str,
    evidence: str,
    digest: str,
) -> Repair:
    """Does what the preview with `digest` showed, in one transaction; above the limit it is only written down.

    A repeated `request_key` gets the first repair, as it is.
    Raises: RepairRefused; RepairChanged when something else would happen now.
    """
    require_may_repair(actor)
    reason = require_reason(reason)
    if not request_key or len(request_key) > 64:
        raise RepairRefused("unknown_repair")
    with transaction.atomic(durable=True):
        row = {
            "request_key": request_key,
            "kind": kind[:32],
            "subject_type": subject_type[:16],
            "subject_id": subject_id,
            "parameters": {name: clean(text) for name, text in given.items()},
            "digest": digest[:64],
            "reason": reason,
            "evidence": clean(evidence),
            "asked_by_id": actor.pk,
            "asked_at": clock.now(),
        }
        new = insert_new(Repair, [{**_NOTHING_YET, **row}], unique="request_key", returning=["id"])
        repair = Repair.objects.select_for_update(no_key=True, of=("self",)).get(request_key=request_key)
        if not new:
            return _require_own(repair, actor)
        about = name_of_subject(subject_type, subject_id)
        shown = _run_up_to_the_limit(repair)
        if shown.digest != digest:
            raise RepairChanged
        repair.shown = {**shown.as_shown(), "about": about}
        repair.needs_two = shown.needs_two
        repair.asset, repair.amount_minor = shown.amount.asset, shown.amount.minor
        if not shown.needs_two:
            repair.status, repair.closed_at = RepairStatus.DONE, clock.now()
            repair.operations = list(shown.operations)
        repair.save()
        told = Kind.REPAIR_PROPOSED if shown.needs_two else Kind.REPAIR_DONE
        record([repair_event(told, repair, actor, reason=reason)])
    return repair


def _run_up_to_the_limit(repair: Repair) -> RepairPreview:
    """Does it; when it needs two people, takes it back."""
    with transaction.atomic():
        shown = run_within(repair.kind, order_for(repair, actor=repair.asked_by, reason=repair.reason))
        if shown.needs_two:
            transaction.set_rollback(True)
    return shown


def _require_own(repair: Repair, actor: User) -> Repair:
    if repair.asked_by_id != actor.pk:
        raise RepairRefused("unknown_repair")
    return repair

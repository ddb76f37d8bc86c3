"""Money in suspense given to its request as the desk does it: looked at, then done."""

from itertools import count

from payments.models import Deposit, Intent
from tests.cast import olu
from tests.withdrawals.stories import ada
from wallets.actions.confirm_repair import confirm_repair
from wallets.actions.preview_repair import preview_repair
from wallets.actions.propose_repair import propose_repair
from wallets.models import Repair
from wallets.repairs import RepairPreview

_numbers = count(1)


def look_at(deposit_id: int, intent_key: str) -> RepairPreview:
    """What assigning would do."""
    return preview_repair(
        actor=olu(),
        kind="assign_deposit",
        subject_type="deposit",
        subject_id=deposit_id,
        given={"intent": intent_key},
    )


def assign(deposit: Deposit, intent: Intent, *, reason: str = "the payer sent the receipt", digest: str = "") -> Repair:
    """Does what was looked at; above the limit a second person confirms it."""
    repair = propose_repair(
        actor=olu(),
        request_key=f"assign:{next(_numbers)}",
        kind="assign_deposit",
        subject_type="deposit",
        subject_id=deposit.pk,
        given={"intent": intent.public_id},
        reason=reason,
        evidence="",
        digest=digest or look_at(deposit.pk, intent.public_id).digest,
    )
    if repair.needs_two:
        repair = confirm_repair(actor=ada(), repair_id=repair.pk, digest=repair.digest, reason="the same receipt")
    return repair

"""Shows exactly what a repair would do, by doing it and taking it back."""

from collections.abc import Mapping

from django.db import transaction

from lockbay.people.models import User
from wallets.repair_policy import clean, require_may_repair
from wallets.repairs import Order, RepairPreview, run_within

_PLACEHOLDER = "preview"


def preview_repair(
    *, actor: User, kind: str, subject_type: str, subject_id: int, given: Mapping[str, str]
) -> RepairPreview:
    """Nothing of it persists. Raises: RepairRefused."""
    require_may_repair(actor)
    cleaned = {name: clean(text) for name, text in given.items()}
    order = Order(actor, f"repair:{_PLACEHOLDER}", subject_type, subject_id, cleaned, _PLACEHOLDER)
    with transaction.atomic(durable=True):
        preview = run_within(kind, order)
        transaction.set_rollback(True)
    return preview

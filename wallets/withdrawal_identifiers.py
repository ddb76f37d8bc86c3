"""Public ids of withdrawals, drawn until one is free."""

import secrets
from datetime import datetime

from django.db import IntegrityError, transaction

from wallets.models import Withdrawal

_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without I, O, 0 and 1
_DRAWS = 20


def new_public_id(now: datetime) -> str:
    """WD, month, day, year and four characters drawn from a secure source: WD092925ZDWS."""
    return f"WD{now:%m%d%y}" + "".join(secrets.choice(_ALPHABET) for _ in range(4))


def store_under_free_id(withdrawal: Withdrawal) -> None:
    """Saves a new withdrawal under an id that is free. Raises: IntegrityError for whatever else the database
    refuses."""
    for draw in range(1, _DRAWS + 1):
        withdrawal.public_id = new_public_id(withdrawal.requested_at)
        try:
            with transaction.atomic():
                withdrawal.save(force_insert=True)
        except IntegrityError:
            is_taken = Withdrawal.objects.filter(public_id=withdrawal.public_id).exists()
            if not is_taken or draw == _DRAWS:
                raise
        else:
            return

"""Storing a new trade under a public id that is free (E1)."""

from django.conf import settings
from django.db import IntegrityError, transaction

from escrows.identifiers import new_public_id
from escrows.models import Escrow
from lockbay import clock

_DRAWS = 20


def store_under_free_id(escrow: Escrow) -> None:
    """Draws ids until one is free. Raises: IntegrityError for anything else that the database refuses."""
    escrow.created_at = clock.now()
    escrow.expires_at = clock.database_now() + settings.OFFER_WINDOW
    for draw in range(1, _DRAWS + 1):
        escrow.public_id = new_public_id(escrow.created_at)
        try:
            with transaction.atomic():
                escrow.save(force_insert=True)
        except IntegrityError:
            is_taken = Escrow.objects.filter(public_id=escrow.public_id).exists()
            if not is_taken or draw == _DRAWS:
                raise
        else:
            return

"""What a confirmed payment writes on the escrow, whichever way the money came (E7)."""

from datetime import datetime, timedelta

from django.conf import settings

from escrows.fees import delivery_hours_of
from escrows.models import Escrow
from escrows.moving import StatusChange
from escrows.states import Status


def confirmed_change(
    escrow: Escrow, *, confirmed_at: datetime, reference: str, now: datetime, stood: timedelta = timedelta(0)
) -> StatusChange:
    """payment_confirmed with all its facts. The seller's time to accept starts when he is told (N8); without a seller
    from `now`, so that money nobody takes on comes back. The delivery's runs from the payment, without the time for
    which we did not know of it (E15).

    Raises: SnapshotMalformed when the agreed hours cannot be trusted.
    """
    return StatusChange(
        escrow,
        Status.PAYMENT_CONFIRMED,
        {
            "payment_confirmed_at": confirmed_at,
            "deposit_reference": reference,
            "delivery_deadline": confirmed_at + timedelta(hours=delivery_hours_of(escrow)) + stood,
            "accept_by": None if escrow.seller_id else now + settings.ACCEPT_WINDOW,
            "expires_at": None,
        },
    )

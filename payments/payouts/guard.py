"""The guard at the call to a provider: whoever calls, only what is processing is paid, and only once (W3, W4).

It passes an attempt on from CLAIMED to CALLING and commits that before the call: an attempt found CALLING later may
have been paid, one found CLAIMED was certainly not.
"""

from typing import TYPE_CHECKING

from django.db import transaction

from lockbay import clock
from payments.errors import PaymentsError
from payments.models import PayoutAttempt
from payments.payout_models import AttemptOutcome
from wallets.withdrawal_moving import lock_withdrawal
from wallets.withdrawal_policy import require_may_be_sent

if TYPE_CHECKING:
    from payments.payouts.base import PayoutOrder


class LeaseLost(PaymentsError):
    """Somebody else has taken over: this sender was too slow, or had never claimed what it wanted to send."""


def pass_guard(order: "PayoutOrder") -> None:
    """Returns when this order may leave the house now, by this sender alone; a second call with it raises.

    Raises: NotProcessing, PayoutsStopped, DebtOpen, LeaseLost.
    """
    with transaction.atomic(durable=True):
        require_may_be_sent(lock_withdrawal(order.withdrawal_id))
        now = clock.real_now()
        claimed = PayoutAttempt.objects.filter(
            pk=order.attempt_id,
            withdrawal_id=order.withdrawal_id,
            reference=order.reference,
            fence=order.fence,
            outcome=AttemptOutcome.CLAIMED,
            lease_until__gt=now,
        )
        if not claimed.update(outcome=AttemptOutcome.CALLING, called_at=now):
            raise LeaseLost(order.reference, order.fence)

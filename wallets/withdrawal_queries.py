"""What the rest of the house may ask about withdrawals. No locks."""

from lockbay.people.models import User
from wallets.errors import WithdrawalNotFound
from wallets.models import Destination, Withdrawal
from wallets.withdrawal_policy import may_decide


def destinations_of(user_id: int) -> list[Destination]:
    """A person's destinations that are not removed, newest first."""
    return list(Destination.objects.live().filter(owner_id=user_id).order_by("-pk"))


def withdrawals_of(user_id: int, *, before_id: int | None = None, limit: int = 20) -> list[Withdrawal]:
    """A page of a person's withdrawals, newest first; `before_id` is the last id of the page before."""
    rows = Withdrawal.objects.filter(owner_id=user_id).select_related("destination").order_by("-pk")
    return list((rows if before_id is None else rows.filter(pk__lt=before_id))[:limit])


def withdrawal_for(actor: User, public_id: str) -> Withdrawal:
    """The withdrawal as its owner, or staff who decide, may see it. Raises: WithdrawalNotFound, also for one of
    somebody else."""
    found = Withdrawal.objects.filter(public_id=public_id).select_related("owner", "destination").first()
    if found is None or (found.owner_id != actor.pk and not may_decide(actor)):
        raise WithdrawalNotFound
    return found

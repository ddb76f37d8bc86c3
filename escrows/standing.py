"""What the trades say about a person, for whoever looks at their withdrawal."""

from django.db.models import Count, Q, Sum

from escrows.models import Escrow
from escrows.states import Status
from wallets.money import Money
from wallets.withdrawal_review import Background


def background_of(user_id: int) -> Background:
    """Completed trades on either side, their prices together, and disputes that are open; one query."""
    found = Escrow.objects.of(user_id).aggregate(
        completed=Count("pk", filter=Q(status=Status.COMPLETED)),
        volume=Sum("price_minor", filter=Q(status=Status.COMPLETED, asset="USD")),
        disputes=Count("pk", filter=Q(status=Status.DISPUTED)),
    )
    return Background(
        completed_trades=found["completed"],
        volume=Money(int(found["volume"] or 0), "USD"),
        open_disputes=found["disputes"],
    )

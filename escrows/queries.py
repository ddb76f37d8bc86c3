"""What the edges may ask about trades. No locks."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db.models import Q, Sum

from escrows.deadlines import untold_name, waiting_clock_of
from escrows.errors import EscrowRefusal
from escrows.fees import Pricing
from escrows.identifiers import revival_key
from escrows.legs import Composition
from escrows.models import DeadlineWarning, Escrow, ShortPayment, Side
from escrows.policy import require_can_revive
from escrows.shortfall import open_short_of
from escrows.states import ShortState, Status
from lockbay import clock
from lockbay.people.models import User
from payments.queries import is_payment_awaited
from wallets.accounts import CREDIT, TOLERANCE, hold_account, platform_account, user_account
from wallets.models import Entry
from wallets.money import Money
from wallets.queries import spendable

PURPOSE = "escrow"  # what an intent for a trade says it is for; its reference is the public id
# A clock waits until its party is told (N8); what escrows/deadlines.py says of one row.
UNTOLD = Q(status=Status.PAYMENT_CONFIRMED, accept_by=None) | Q(status=Status.DELIVERED, inspection_ends_at=None)
_LONGEST_ON_THE_WAY = timedelta(days=1)


class NextStep(StrEnum):
    """What a person can or must do now; the edges have words and buttons for each."""

    INVITE = "invite"
    PAY = "pay"
    WAIT_FOR_BUYER = "wait_for_buyer"
    WAIT_FOR_PAYMENT = "wait_for_payment"
    DECIDE_SHORT = "decide_short"
    WAIT_FOR_LESS = "wait_for_less"
    ANSWER_LESS = "answer_less"
    WAIT_FOR_SELLER = "wait_for_seller"
    ACCEPT_OR_DECLINE = "accept_or_decline"
    DELIVER = "deliver"
    WAIT_FOR_DELIVERY = "wait_for_delivery"
    RELEASE = "release"
    UNDO_RELEASE = "undo_release"
    WAIT_FOR_RELEASE = "wait_for_release"
    WAIT_FOR_MEDIATOR = "wait_for_mediator"
    PAY_AGAIN = "pay_again"
    WAIT_FOR_MONEY = "wait_for_money"
    NOTHING = "nothing"


_BUYER = {
    Status.CREATED: NextStep.PAY,
    Status.PAYMENT_PENDING: NextStep.PAY,
    Status.PAYMENT_CONFIRMED: NextStep.WAIT_FOR_SELLER,
    Status.ACTIVE: NextStep.WAIT_FOR_DELIVERY,
    Status.DELIVERED: NextStep.RELEASE,
}
_SELLER = {
    Status.CREATED: NextStep.WAIT_FOR_PAYMENT,
    Status.PAYMENT_PENDING: NextStep.WAIT_FOR_PAYMENT,
    Status.PAYMENT_CONFIRMED: NextStep.ACCEPT_OR_DECLINE,
    Status.ACTIVE: NextStep.DELIVER,
    Status.DELIVERED: NextStep.WAIT_FOR_RELEASE,
}


def trades_of(user: User, *, before: int | None = None, limit: int = 10) -> Sequence[Escrow]:
    """A page of a person's trades, newest first; `before` is the pk of the last one of the page before."""
    trades = Escrow.objects.of(user.pk).select_related("buyer", "seller").order_by("-pk")
    return list((trades if before is None else trades.filter(pk__lt=before))[:limit])


def what_next(escrow: Escrow, side: Side | None) -> NextStep:
    """The next step of the party on `side`."""
    status = Status(escrow.status)
    if side is None:
        return NextStep.NOTHING
    if escrow.frozen_at is not None:
        return NextStep.PAY_AGAIN if side == Side.BUYER else NextStep.WAIT_FOR_MONEY
    if status == Status.DISPUTED:
        return NextStep.WAIT_FOR_MEDIATOR
    if escrow.release_due_at is not None and status in {Status.ACTIVE, Status.DELIVERED}:
        return NextStep.UNDO_RELEASE if side == Side.BUYER else NextStep.WAIT_FOR_RELEASE
    if side == Side.SELLER and escrow.buyer_id is None and status == Status.CREATED:
        return NextStep.INVITE
    if side == Side.BUYER and escrow.seller_id is None and status == Status.PAYMENT_CONFIRMED:
        return NextStep.INVITE
    if status == Status.PAYMENT_PENDING and (short := open_short_of(escrow)) is not None:
        return _next_of_short(short, side)
    return (_BUYER if side == Side.BUYER else _SELLER).get(status, NextStep.NOTHING)


def _next_of_short(short: ShortPayment, side: Side) -> NextStep:
    is_asked = short.state == ShortState.ASKED
    if side == Side.BUYER:
        return NextStep.WAIT_FOR_LESS if is_asked else NextStep.DECIDE_SHORT
    return NextStep.ANSWER_LESS if is_asked else NextStep.WAIT_FOR_PAYMENT


def can_revive(escrow: Escrow, user: User) -> bool:
    """True when `user` may take up the ended trade again: not done yet, and the wallet covers it (E10)."""
    try:
        require_can_revive(escrow, user)
    except EscrowRefusal:
        return False
    if Escrow.objects.filter(request_key=revival_key(escrow.public_id)).exists():
        return False
    return Pricing.of(escrow).buyer_total <= spendable(user.pk, escrow.asset)


def untold_trades(*, after: int = 0, limit: int = 500) -> Sequence[Escrow]:
    """Trades in which a clock waits until its party is told (N8), oldest first, behind the one numbered `after`; those
    that are frozen wait anyway."""
    return list(Escrow.objects.filter(UNTOLD, frozen_at__isnull=True, pk__gt=after).order_by("pk")[:limit])


def unreported_of(trades: Iterable[Escrow]) -> Sequence[int]:
    """Those of `trades` that have waited too long for their party to be told, and that staff have not heard of."""
    now = clock.now()
    clocks = {trade.pk: waiting for trade in trades if (waiting := waiting_clock_of(trade)) is not None}
    late = [pk for pk, waiting in clocks.items() if waiting.since + settings.UNTOLD_LIMIT <= now]
    given = DeadlineWarning.objects.filter(escrow_id__in=late).values_list("escrow_id", "deadline", "deadline_at")
    said = set(given) if late else set()
    return [pk for pk in late if (pk, untold_name(clocks[pk]), clocks[pk].since) not in said]


def composition_of(escrow: Escrow) -> Composition:
    """What lies in the hold and where it came from: the sums over all operations that touched it, in one query.

    Reversals and partial refunds cancel out by themselves, so it says what is still there.
    """
    hold = str(hold_account(escrow.public_id, escrow.asset))
    credit = str(user_account(escrow.buyer_id or 0, escrow.asset, CREDIT))
    tolerance = str(platform_account(TOLERANCE, escrow.asset))
    touching = Entry.objects.filter(account__code=hold).values("operation_id")
    sums = dict(
        Entry.objects.filter(operation_id__in=touching, account__code__in=[hold, credit, tolerance])
        .order_by()
        .values_list("account__code")
        .annotate(total=Sum("amount"))
    )
    return Composition(
        held=Money(sums.get(hold, 0), escrow.asset),
        from_credit=Money(-sums.get(credit, 0), escrow.asset),
        from_tolerance=Money(-sums.get(tolerance, 0), escrow.asset),
    )


def is_money_on_its_way(escrow: Escrow, now: datetime) -> bool:
    """True while a payment heard of in time is not settled yet: such a trade does not expire, for a day at most."""
    if escrow.expires_at is None or escrow.expires_at + _LONGEST_ON_THE_WAY <= now:
        return False
    return is_payment_awaited(PURPOSE, escrow.public_id, heard_by=escrow.expires_at)

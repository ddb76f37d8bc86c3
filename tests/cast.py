"""The people of every story: Bea buys, Sol sells, Max mediates, Olu operates. States come about by acts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

from escrows.actions.accept import accept_escrow
from escrows.actions.cancel import cancel_escrow
from escrows.actions.create import create_escrow
from escrows.actions.decline import decline_escrow
from escrows.actions.expire import expire_escrow
from escrows.actions.invite import make_invite
from escrows.actions.join import join_escrow
from escrows.actions.mark_delivered import mark_delivered
from escrows.actions.pay_from_wallet import pay_from_wallet
from escrows.actions.release import release_escrow
from escrows.actions.start_deadline import start_told_deadline
from escrows.models import Escrow, Side
from escrows.preview import payment_preview, refund_preview, release_preview
from escrows.states import Status
from lockbay import clock
from lockbay.people.models import User
from wallets.accounts import AVAILABLE, CLEARING, platform_account, user_account
from wallets.actions.transfer import transfer
from wallets.money import Money, parse_money
from wallets.queries import balance_of, balances_of

_numbers = count(1)


def usd(text: str) -> Money:
    """usd("12.50") is 1,250 cents."""
    return parse_money(text, "USD")


def _person(name: str, telegram_id: int, **more: Any) -> User:
    defaults = {
        "first_name": name.title(),
        "telegram_id": telegram_id,
        "telegram_username": f"{name}_on_telegram",
        **more,
    }
    person, is_new = User.objects.get_or_create(username=name, defaults=defaults)
    if is_new:
        person.set_unusable_password()
        person.save(update_fields=["password"])
    return person


def bea() -> User:
    """The buyer."""
    return _person("bea", 1001)


def sol() -> User:
    """The seller."""
    return _person("sol", 1002)


def max_() -> User:
    """The mediator: staff."""
    return _person("max", 1003, is_staff=True)


def olu() -> User:
    """The operator: staff with every right."""
    return _person("olu", 1004, is_staff=True, is_superuser=True)


def stranger() -> User:
    """Somebody with no part in the story."""
    return _person("eve", 1005)


def give(person: User, amount: str, *, kind: str = AVAILABLE) -> None:
    """Puts money from outside on a person's account."""
    transfer(
        actor=None,
        key=f"gift:{next(_numbers)}:{person.pk}",
        source=platform_account(CLEARING, "USD", "bank"),
        target=user_account(person.pk, "USD", kind),
        money=usd(amount),
        kind="gift",
    )


def wallet_of(person: User, kind: str = AVAILABLE) -> Money:
    """What is on a person's account."""
    return balances_of(person.pk).get((kind, "USD"), Money(0, "USD"))


def held_by(escrow: Escrow) -> Money:
    """What is in the hold."""
    from wallets.accounts import hold_account

    return balance_of(hold_account(escrow.public_id, "USD"))


def an_offer(
    *, price: str = "20.00", side: str = Side.BUYER, fee_payer: str = "buyer", hours: int = 48, **more: Any
) -> Escrow:
    """A trade that one side opened."""
    return create_escrow(
        actor=bea() if side == Side.BUYER else sol(),
        side=side,
        price=usd(price),
        description=more.pop("description", "A hand-made lamp"),
        delivery_hours=hours,
        fee_payer=fee_payer,
        request_key=more.pop("request_key", f"offer:{next(_numbers)}"),
        **more,
    )


def an_agreement(**terms: Any) -> Escrow:
    """A trade with both sides in it, unpaid."""
    offer = an_offer(**terms)
    starter, other = (bea(), sol()) if offer.started_by == Side.BUYER else (sol(), bea())
    return join_escrow(actor=other, token=make_invite(actor=starter, escrow_id=offer.pk))


def a_paid_trade(**terms: Any) -> Escrow:
    """Paid from Bea's wallet, which is filled first with exactly what it takes."""
    return paid(an_agreement(**terms))


def paid(escrow: Escrow) -> Escrow:
    """Fills Bea's wallet and pays."""
    from escrows.fees import Pricing

    give(bea(), Pricing.of(escrow).buyer_total.plain())
    escrow.refresh_from_db()
    trade = pay_from_wallet(actor=bea(), escrow_id=escrow.pk, digest=payment_preview(escrow).digest)
    return trade if trade.seller_id is None else told(trade)


def told(escrow: Escrow) -> Escrow:
    """Whoever has to answer is told at once, as in most stories: his time runs."""
    return start_told_deadline(actor=None, escrow_id=escrow.pk)


def an_active_trade(**terms: Any) -> Escrow:
    """Accepted by Sol."""
    return accept_escrow(actor=sol(), escrow_id=a_paid_trade(**terms).pk)


def a_delivered_trade(**terms: Any) -> Escrow:
    """Marked delivered by Sol."""
    return told(mark_delivered(actor=sol(), escrow_id=an_active_trade(**terms).pk))


def released(escrow: Escrow) -> Escrow:
    """Released by Bea as shown."""
    return release_escrow(actor=bea(), escrow_id=escrow.pk, digest=release_preview(escrow).digest)


def cancelled(escrow: Escrow) -> Escrow:
    """Cancelled by Bea as shown."""
    return cancel_escrow(actor=bea(), escrow_id=escrow.pk, digest=refund_preview(escrow).digest)


def a_waiting_trade(**terms: Any) -> Escrow:
    """Payment pending. The provider's part is played in the tests of payments; here only the trade's own side of it."""
    from django.conf import settings
    from django.db import transaction

    from escrows.moving import StatusChange, move

    agreement = an_agreement(**terms)
    with transaction.atomic():
        escrow = Escrow.objects.locked(agreement.pk).get()
        expires_at = clock.database_now() + settings.PAYMENT_WINDOW
        move([StatusChange(escrow, Status.PAYMENT_PENDING, {"expires_at": expires_at})])
    return escrow


def an_expired_trade(**terms: Any) -> Escrow:
    """Nobody paid in time."""
    waiting = a_waiting_trade(**terms)
    set_back(waiting, "expires_at")
    return expire_escrow(actor=None, escrow_id=waiting.pk)


def a_disputed_trade(**terms: Any) -> Escrow:
    """Frozen by a dispute."""
    from django.db import transaction

    from escrows.moving import StatusChange, move

    delivered = a_delivered_trade(**terms)
    with transaction.atomic():
        escrow = Escrow.objects.locked(delivered.pk).get()
        move([StatusChange(escrow, Status.DISPUTED)])
    return escrow


BUILDERS = {
    Status.CREATED: an_agreement,
    Status.PAYMENT_PENDING: a_waiting_trade,
    Status.PAYMENT_CONFIRMED: a_paid_trade,
    Status.ACTIVE: an_active_trade,
    Status.DELIVERED: a_delivered_trade,
    Status.DISPUTED: a_disputed_trade,
    Status.COMPLETED: lambda **terms: released(a_delivered_trade(**terms)),
    Status.REFUNDED: lambda **terms: decline_escrow(actor=sol(), escrow_id=a_paid_trade(**terms).pk),
    Status.CANCELLED: lambda **terms: cancelled(an_agreement(**terms)),
    Status.EXPIRED: an_expired_trade,
}


def a_trade_in(status: Status, **terms: Any) -> Escrow:
    """A trade between Bea and Sol in any status."""
    escrow: Escrow = BUILDERS[status](**terms)
    escrow.refresh_from_db()
    assert escrow.status == status
    return escrow


def set_back(escrow: Escrow, name: str, by: timedelta = timedelta(seconds=1)) -> None:
    """Lets the moment `name` have passed `by` ago, without moving the clock for everybody."""
    Escrow.objects.filter(pk=escrow.pk).update(**{name: clock.database_now() - by})
    escrow.refresh_from_db()


@contextmanager
def later(**delta: float) -> Iterator[None]:
    """The clock stands further on inside: `with later(hours=25)`. Needs real transactions or a test's own."""
    from lockbay.models import VirtualClock

    clock.advance(int(timedelta(**delta).total_seconds()))
    try:
        yield
    finally:
        VirtualClock.objects.all().delete()
        clock.forget_offset()


def snapshot_of(escrow: Escrow) -> dict[str, Any]:
    """Everything a refused act must leave as it was: the row, its events, its operations."""
    from lockbay.events.models import Event
    from wallets.models import Operation

    row = Escrow.objects.filter(pk=escrow.pk).values().get()
    events = Event.objects.filter(subject_type="escrow", subject_id=escrow.pk).count()
    return {"row": row, "events": events, "operations": Operation.objects.count()}

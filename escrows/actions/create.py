"""Starting a trade (E3)."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from escrows import terms
from escrows.errors import (
    AmountOutOfRange,
    HoursOutOfRange,
    TextMissing,
    TextTooLong,
    TooManyToday,
)
from escrows.fees import HOURS_LEAST, HOURS_MOST, price_escrow
from escrows.models import Escrow, FeePayer, Side
from escrows.opening import store_under_free_id
from escrows.recounting import escrow_event
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import User
from wallets.errors import IdempotencyConflict
from wallets.money import Money


def create_escrow(
    *,
    actor: User,
    side: str,
    price: Money,
    description: str,
    delivery_hours: int,
    fee_payer: str,
    request_key: str,
    counterparty_hint: str = "",
    inspection_hours: int | None = None,
) -> Escrow:
    """Opens a trade with `actor` on `side` and freezes its pricing; the other side joins by invitation.

    A repeated `request_key` returns the first trade. `counterparty_hint` is what was typed; it binds nobody.
    Raises: AmountOutOfRange, HoursOutOfRange, TextMissing, TextTooLong, TooManyToday.
    """
    escrow = Escrow(
        request_key=request_key,
        started_by=Side(side),
        counterparty_hint=_text(counterparty_hint, terms.HINT_MOST, may_be_empty=True),
        asset=price.asset,
        price_minor=_price(price).minor,
        description=_text(description, terms.DESCRIPTION_MOST),
        delivery_hours=_hours(delivery_hours),
        inspection_hours=_hours(settings.INSPECTION_HOURS if inspection_hours is None else inspection_hours),
        fee_payer=FeePayer(fee_payer),
        pricing=price_escrow(price, fee_payer, terms.fee_policy()).snapshot(),
    )
    setattr(escrow, "buyer" if side == Side.BUYER else "seller", actor)
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # the day's count is taken under this lock
        first = Escrow.objects.filter(request_key=request_key).first()
        if first is not None:
            return _require_own(first, actor)
        _require_not_too_many(actor)
        store_under_free_id(escrow)
        record([escrow_event(Kind.ESCROW_CREATED, escrow, actor, side=str(side), price=price)])
    return escrow


def _price(price: Money) -> Money:
    least, most = terms.price_limits()
    if price.asset != terms.ASSET or price < least or most < price:
        raise AmountOutOfRange(least, most)
    return price


def _hours(hours: int) -> int:
    if not HOURS_LEAST <= hours <= HOURS_MOST:
        raise HoursOutOfRange(HOURS_LEAST, HOURS_MOST)
    return hours


def _text(text: str, most: int, *, may_be_empty: bool = False) -> str:
    cleaned = text.replace("\x00", "").strip()  # PostgreSQL stores no null characters
    if not cleaned and not may_be_empty:
        raise TextMissing
    if len(cleaned) > most:
        raise TextTooLong(most)
    return cleaned


def _require_own(escrow: Escrow, actor: User) -> Escrow:
    starter = escrow.buyer_id if escrow.started_by == Side.BUYER else escrow.seller_id
    if starter != actor.pk:
        raise IdempotencyConflict(escrow.request_key)
    return escrow


def _require_not_too_many(actor: User) -> None:
    started = Q(started_by=Side.BUYER, buyer=actor) | Q(started_by=Side.SELLER, seller=actor)
    since = clock.now() - timedelta(days=1)
    if Escrow.objects.filter(started, created_at__gt=since).count() >= settings.ESCROW_DAILY_LIMIT:
        raise TooManyToday(settings.ESCROW_DAILY_LIMIT)

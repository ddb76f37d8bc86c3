"""Which payment screens are open in which chats, and what each of them should say now."""

from dataclasses import dataclass

from django.db import transaction

from escrows.access import escrow_for
from escrows.errors import NotFound
from escrows.models import Escrow
from lockbay import clock
from payments.models import Deposit, Intent
from payments.states import DepositState
from payments.wallet_purpose import PURPOSE
from telegrambot.callback_data import Verb
from telegrambot.claim_progress import claim_shown, version_of
from telegrambot.handlers.deposit import state_of_top_up, top_up_screen
from telegrambot.handlers.pay import payment_screen, wanted_of
from telegrambot.keyboards import of_trade
from telegrambot.models import ShownPayment
from telegrambot.rendering import Rendered, render_screen
from telegrambot.screens import view_of
from telegrambot.turn import Screen

WAITING, SEEN, OVER, PAID, CLOSED = "waiting", "seen", "over", "paid", "closed"
PART = "part"  # too little came: the rest is asked for
_LAST = {PAID, CLOSED}


@dataclass(frozen=True)
class Change:
    """A screen that no longer says what is so."""

    row: ShownPayment
    shows: str
    screen: Rendered


def note_shown(chat_id: int, message_id: int, intent_key: str) -> None:
    """A payment screen for the intent was shown in that message."""
    intent = Intent.objects.filter(public_id=intent_key).first()
    if intent is not None:
        fresh = {"intent": intent, "shows": WAITING}
        ShownPayment.objects.update_or_create(chat_id=chat_id, message_id=message_id, defaults=fresh)


def outdated_screens(after: int, *, look_at: int) -> tuple[list[Change], int]:
    """Looks at the next screens after row `after`, round and round: the outdated ones, and where to go on."""
    rows = list(ShownPayment.objects.select_related("intent__payer").filter(pk__gt=after).order_by("pk")[:look_at])
    changes = [change for row in rows if (change := _change_of(row)) is not None]
    return changes, rows[-1].pk if len(rows) == look_at else 0


def note_updated(change: Change) -> None:
    """The change is on the screen, or the screen is gone; after the last change it is not watched any more."""
    with transaction.atomic():
        row = ShownPayment.objects.filter(pk=change.row.pk, intent_id=change.row.intent_id)
        if change.shows in _LAST:
            row.delete()
        else:
            row.update(shows=change.shows)


def _change_of(row: ShownPayment) -> Change | None:
    if row.intent.purpose == PURPOSE:
        return _change_of_top_up(row)
    try:
        escrow = escrow_for(row.intent.payer, row.intent.reference)
    except NotFound:
        row.delete()
        return None
    shows = _state_of(escrow, row.intent)
    return None if shows == row.shows else Change(row, shows, _drawn(escrow, row.intent, shows))


def _change_of_top_up(row: ShownPayment) -> Change | None:
    intent = row.intent
    shows = _state_of_top_up(intent)
    if shows == row.shows:
        return None
    return Change(row, shows, render_screen(top_up_screen(intent), language=intent.payer.language))


def _state_of_top_up(intent: Intent) -> str:
    """The screen of a deposit to the own wallet ends with the first payment: its text is then about what came."""
    state = state_of_top_up(intent)
    if state == "paid":
        return PAID
    claim = claim_shown(intent)
    if claim is not None:
        return version_of(claim) + ("o" if state == "over" else "")
    if Deposit.objects.filter(intent=intent, state=DepositState.PENDING).exists():
        return SEEN
    return OVER if state == "over" else WAITING


def _state_of(escrow: Escrow, intent: Intent) -> str:
    if escrow.payment_confirmed_at is not None and escrow.frozen_at is None:
        return PAID
    if escrow.closed_at is not None:
        return CLOSED
    claim = claim_shown(intent)
    if claim is not None:
        return version_of(claim) + ("o" if intent.expires_at <= clock.now() else "")
    if Deposit.objects.filter(intent=intent, state=DepositState.PENDING).exists():
        return SEEN
    if intent.expires_at <= clock.now():
        return OVER
    wanted = wanted_of(escrow, intent)
    return f"{PART} {wanted.due.minor}"[:12] if wanted.kept else WAITING


def _drawn(escrow: Escrow, intent: Intent, shows: str) -> Rendered:
    user = intent.payer
    screen = payment_screen(escrow, user, intent)
    if shows in {PAID, CLOSED}:
        button = of_trade("open_trade", Verb.TRADE, escrow)
        context = {"trade": view_of(escrow, user), "intent": intent, "is_paid": shows == PAID}
        screen = Screen("payment_done", context, ((button,),), screen.photo, screen.photo_key)
    return render_screen(screen, language=user.language)

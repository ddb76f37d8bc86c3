"""Paying from outside: choose a way, then the payment screen with amount, address, network, QR, time left (T5)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from escrows import policy
from escrows.access import escrow_for
from escrows.actions.start_payment import start_payment
from escrows.errors import EscrowRefusal
from escrows.fees import Pricing
from escrows.models import Escrow
from escrows.queries import PURPOSE
from escrows.shortfall import due_of
from lockbay import clock
from lockbay.people.models import User
from notifications.actions.skip_second_channel import must_ask_for_second_channel, skip_second_channel
from payments.errors import UnknownMethod
from payments.methods import PayMethod
from payments.models import Deposit, Intent
from payments.providers import provider_of
from payments.queries import intents_of, method_of, pay_methods
from payments.states import DepositState, IntentStatus
from payments.valuation import cost_of
from telegrambot.callback_data import Verb
from telegrambot.claim_progress import claim_shown, view_of_claim
from telegrambot.errors import DraftGone
from telegrambot.handlers.contacts import add_buttons
from telegrambot.keyboards import of_trade
from telegrambot.qr import draw_qr
from telegrambot.rendering import phrases
from telegrambot.screens import trade_screen, view_of
from telegrambot.turn import Button, Keyboard, Reply, Screen, Turn
from wallets.money import Money
from wallets.queries import spendable


def pay(turn: Turn) -> Reply:
    """Straight to the address that is open, else to the choice; before that, once, a word about a single channel."""
    escrow = _payable(turn)
    if must_ask_for_second_channel(turn.user):
        return Reply(_one_channel_screen(escrow))
    intent = _open_intent(escrow, turn.user)
    return Reply(payment_screen(escrow, turn.user, intent) if intent else _choice_screen(escrow, turn.user))


def pay_untold(turn: Turn) -> Reply:
    """They stay with a single channel: noted, and on to paying."""
    skip_second_channel(actor=turn.user)
    return pay(turn)


def choose(turn: Turn) -> Reply:
    """The ways to pay."""
    return Reply(_choice_screen(_payable(turn), turn.user))


def start(turn: Turn) -> Reply:
    """Asks for an address of the chosen coin and shows it. Raises: PaymentUnavailable."""
    escrow = _payable(turn)
    method = method_pressed(turn)
    intent = start_payment(actor=turn.user, escrow_id=escrow.pk, method=method, request_key=turn.request_key)
    return Reply(payment_screen(escrow_for(turn.user, escrow.public_id), turn.user, intent))


def refresh(turn: Turn) -> Reply:
    """The payment screen as it is now; once the money is there, the trade."""
    escrow = _escrow(turn)
    intent = _open_intent(escrow, turn.user)
    is_paid = escrow.payment_confirmed_at is not None and escrow.frozen_at is None
    if intent is None or is_paid:
        return Reply(trade_screen(escrow, turn.user), toast="fresh")
    return Reply(payment_screen(escrow, turn.user, intent), toast="fresh")


def explain(turn: Turn) -> Reply:
    """How to pay, for people who do it for the first time; the QR image stays."""
    escrow = _payable(turn)
    intent = _open_intent(escrow, turn.user)
    if intent is None:
        return Reply(_choice_screen(escrow, turn.user))
    context = {
        "intent": intent,
        "network": network_in_words(intent.network, intent.pay_asset),
        "trade": view_of(escrow, turn.user),
        "send": wanted_of(escrow, intent).send,
    }
    back = of_trade("pay_back", Verb.PAY_SCREEN, escrow, extra=intent.public_id)
    name = "pay_how_page" if intent.pay_url else "pay_how"
    return Reply(Screen(name, context, ((back,),), _picture_of(intent), intent.public_id))


@dataclass(frozen=True)
class Wanted:
    """What is still to be paid: `kept` came already and was too little (None: nothing came), `due` is missing, and
    `send` is that in the coin of the intent."""

    kept: Money | None
    due: Money
    send: Money


def wanted_of(escrow: Escrow, intent: Intent) -> Wanted:
    """What the payer of `intent` still has to pay."""
    due = due_of(escrow)
    total = Pricing.of(escrow).buyer_total
    is_asked = due == intent.price
    return Wanted(
        kept=total - due if due < total else None,
        due=due,
        send=intent.pay_amount if is_asked else cost_of(due, Decimal(intent.rate), intent.pay_asset),
    )


def payment_screen(escrow: Escrow, user: User, intent: Intent) -> Screen:
    """Everything that is needed to pay, with what we see of the payment so far."""
    wanted = wanted_of(escrow, intent)
    can_pay = _can_pay(escrow, user)
    is_over = intent.expires_at <= clock.now()
    claim = claim_shown(intent)
    context: dict[str, Any] = {
        "trade": view_of(escrow, user),
        "intent": intent,
        "network": network_in_words(intent.network, intent.pay_asset),
        "is_over": is_over,
        "can_pay": can_pay,
        "seen": Deposit.objects.filter(intent=intent, state=DepositState.PENDING).first(),
        "wanted": wanted,
        "claim": view_of_claim(claim) if claim else None,
        "is_watched": provider_of(intent.provider).takes_claims,
    }
    keyboard = _payment_keyboard(escrow, user, intent, wanted, can_pay=can_pay, is_over=is_over)
    if intent.pay_url:
        context["for_one"] = (1 / Decimal(intent.rate)).quantize(Decimal("0.01"))  # naira for a dollar
        context["page_fits"] = _page_fits(intent, wanted)
        return Screen("payment_page", context, keyboard, _picture_of(intent), intent.public_id)
    return Screen("payment", context, keyboard, _picture_of(intent), intent.public_id)


def network_in_words(code: str, asset: str) -> str:
    """A network's name as people know it, a chain's own coin on it first; the code itself when we have no words."""
    known = phrases("networks")
    return known.get(f"{asset}_{code}".lower()) or known.get(code.lower(), code)


def _payment_keyboard(
    escrow: Escrow, user: User, intent: Intent, wanted: Wanted, *, can_pay: bool, is_over: bool
) -> Keyboard:
    key = intent.public_id
    rows: list[tuple[Button, ...]] = []
    refresh_it = of_trade("pay_refresh", Verb.PAY_SCREEN, escrow, extra=key)
    if can_pay and wanted.due <= spendable(user.pk, escrow.asset):
        rows.append((of_trade("pay_wallet", Verb.PAY_WALLET_ASK, escrow, money=wanted.due),))
    if provider_of(intent.provider).takes_claims:
        rows.append((of_trade("pay_hash", Verb.PAY_HASH, escrow, extra=key),))
    if is_over or (intent.pay_url and not _page_fits(intent, wanted)):
        rows.append((refresh_it,))
    elif intent.pay_url:
        rows.append((Button("pay_page", url=intent.pay_url),))
        rows.append((refresh_it, of_trade("pay_how", Verb.PAY_HOW, escrow, extra=key)))
    else:
        rows.append((Button("copy_address", copy=intent.address), Button("copy_amount", copy=wanted.send.plain())))
        rows.append((refresh_it, of_trade("pay_how", Verb.PAY_HOW, escrow, extra=key)))
    if can_pay:
        other = (of_trade("pay_other", Verb.PAY_CHOOSE, escrow),)
        may_cancel = escrow.frozen_at is None  # money in doubt: nobody but staff ends the trade (P7)
        rows.append((*other, of_trade("cancel_trade", Verb.CANCEL_ASK, escrow)) if may_cancel else other)
    rows.append((of_trade("back_to_trade", Verb.TRADE, escrow),))
    return tuple(rows)


def _picture_of(intent: Intent) -> bytes:
    """The address, or the page to pay on: scanned at a desk, it opens on the phone where the bank is."""
    return draw_qr(intent.pay_url or intent.address)


def _page_fits(intent: Intent, wanted: Wanted) -> bool:
    """A provider's page asks for its whole amount; the rest of a short payment needs a page of its own."""
    return wanted.send == intent.pay_amount


def _one_channel_screen(escrow: Escrow) -> Screen:
    rows = add_buttons(trade=escrow.public_id)
    go_on, back = of_trade("pay_untold", Verb.PAY_UNTOLD, escrow), of_trade("back_to_trade", Verb.TRADE, escrow)
    return Screen("pay_one_channel", {}, (*rows, (go_on,), (back,)))


def _choice_screen(escrow: Escrow, user: User) -> Screen:
    due = due_of(escrow)
    wallet = spendable(user.pk, escrow.asset)
    rows: list[tuple[Button, ...]] = []
    if due <= wallet:
        rows.append((of_trade("pay_wallet", Verb.PAY_WALLET_ASK, escrow, money=due),))
    rows += [(_method_button(escrow, method),) for method in pay_methods()]
    rows.append((of_trade("back_to_trade", Verb.TRADE, escrow),))
    context = {"trade": view_of(escrow, user), "due": due, "wallet": wallet, "covers": due <= wallet}
    return Screen("pay_choose", context, tuple(rows))


def _method_button(escrow: Escrow, method: PayMethod) -> Button:
    words = {"asset": method.asset, "network": network_in_words(method.network, method.asset)}
    label = "pay_with_hash" if provider_of(method.provider).takes_claims else "pay_with"
    return of_trade(label, Verb.PAY_METHOD, escrow, extra=method.code.replace(":", "."), **words)


def method_pressed(turn: Turn) -> PayMethod:
    """The way to pay that a button names. Raises: DraftGone for one that is not offered."""
    try:
        return method_of((turn.press.extra if turn.press else "").replace(".", ":"))
    except UnknownMethod as error:
        raise DraftGone from error


def _escrow(turn: Turn) -> Escrow:
    return escrow_for(turn.user, turn.press.subject if turn.press else "")


def _can_pay(escrow: Escrow, user: User) -> bool:
    try:
        policy.require_can_pay(escrow, user, clock.now())
    except EscrowRefusal:
        return False
    return True


def _payable(turn: Turn) -> Escrow:
    escrow = _escrow(turn)
    policy.require_can_pay(escrow, turn.user, clock.now())
    return escrow


def _open_intent(escrow: Escrow, user: User) -> Intent | None:
    now = clock.now()
    asked = intents_of(PURPOSE, escrow.public_id)
    is_open = (
        intent
        for intent in asked
        if intent.payer_id == user.pk and intent.status == IntentStatus.OPEN and intent.expires_at > now
    )
    return next(is_open, None)


BUTTONS = {
    Verb.PAY: pay,
    Verb.PAY_UNTOLD: pay_untold,
    Verb.PAY_CHOOSE: choose,
    Verb.PAY_METHOD: start,
    Verb.PAY_SCREEN: refresh,
    Verb.PAY_HOW: explain,
}

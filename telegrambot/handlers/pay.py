"""Paying from outside: choose a way, then the payment screen with amount, address, network, QR, time left (T5)."""

from decimal import Decimal
from typing import Any

from escrows import policy
from escrows.access import escrow_for
from escrows.actions.start_payment import start_payment
from escrows.fees import Pricing
from escrows.models import Escrow
from escrows.queries import PURPOSE
from lockbay import clock
from lockbay.people.models import User
from payments.errors import UnknownMethod
from payments.methods import PayMethod
from payments.models import Deposit, Intent
from payments.queries import intents_of, method_of, pay_methods
from payments.states import DepositState, IntentStatus
from payments.valuation import cost_of
from telegrambot.callback_data import Verb
from telegrambot.errors import DraftGone
from telegrambot.keyboards import of_trade
from telegrambot.qr import draw_qr
from telegrambot.rendering import phrases
from telegrambot.screens import trade_screen, view_of
from telegrambot.turn import Button, Keyboard, Reply, Screen, Turn
from wallets.queries import spendable


def pay(turn: Turn) -> Reply:
    """Straight to the address that is open, else to the choice."""
    escrow = _payable(turn)
    intent = _open_intent(escrow, turn.user)
    return Reply(payment_screen(escrow, turn.user, intent) if intent else _choice_screen(escrow, turn.user))


def choose(turn: Turn) -> Reply:
    """The ways to pay."""
    return Reply(_choice_screen(_payable(turn), turn.user))


def start(turn: Turn) -> Reply:
    """Asks for an address of the chosen coin and shows it. Raises: PaymentUnavailable."""
    escrow = _payable(turn)
    method = _method_of(turn)
    intent = start_payment(actor=turn.user, escrow_id=escrow.pk, method=method, request_key=turn.request_key)
    return Reply(payment_screen(escrow_for(turn.user, escrow.public_id), turn.user, intent))


def refresh(turn: Turn) -> Reply:
    """The payment screen as it is now; once the money is there, the trade."""
    escrow = _escrow(turn)
    intent = _open_intent(escrow, turn.user)
    if intent is None or escrow.payment_confirmed_at is not None:
        return Reply(trade_screen(escrow, turn.user), toast="fresh")
    return Reply(payment_screen(escrow, turn.user, intent), toast="fresh")


def explain(turn: Turn) -> Reply:
    """How to pay, for people who do it for the first time; the QR image stays."""
    escrow = _payable(turn)
    intent = _open_intent(escrow, turn.user)
    if intent is None:
        return Reply(_choice_screen(escrow, turn.user))
    context = {"intent": intent, "network": network_in_words(intent.network), "trade": view_of(escrow, turn.user)}
    back = of_trade("pay_back", Verb.PAY_SCREEN, escrow, extra=intent.public_id)
    return Reply(Screen("pay_how", context, ((back,),), draw_qr(intent.address), intent.public_id))


def payment_screen(escrow: Escrow, user: User, intent: Intent) -> Screen:
    """Everything that is needed to pay, with what we see of the payment so far."""
    wallet = spendable(user.pk, escrow.asset)
    total = Pricing.of(escrow).buyer_total
    missing = total - wallet if wallet and wallet < total else None
    context: dict[str, Any] = {
        "trade": view_of(escrow, user),
        "intent": intent,
        "network": network_in_words(intent.network),
        "is_over": intent.expires_at <= clock.now(),
        "seen": Deposit.objects.filter(intent=intent, state=DepositState.PENDING).first(),
        "wallet": wallet,
        "missing": missing,
        "missing_coin": cost_of(missing, Decimal(intent.rate), intent.pay_asset) if missing else None,
    }
    keyboard = _payment_keyboard(escrow, intent, covers=total <= wallet)
    return Screen("payment", context, keyboard, draw_qr(intent.address), intent.public_id)


def network_in_words(code: str) -> str:
    """A network's name as people know it; the code itself when we have no words for it."""
    return phrases("networks").get(code.lower(), code)


def _payment_keyboard(escrow: Escrow, intent: Intent, *, covers: bool) -> Keyboard:
    key = intent.public_id
    rows: list[tuple[Button, ...]] = [
        (Button("copy_address", copy=intent.address), Button("copy_amount", copy=intent.pay_amount.plain())),
        (
            of_trade("pay_refresh", Verb.PAY_SCREEN, escrow, extra=key),
            of_trade("pay_how", Verb.PAY_HOW, escrow, extra=key),
        ),
    ]
    if covers:
        rows.insert(0, (of_trade("pay_wallet", Verb.PAY_WALLET_ASK, escrow, money=Pricing.of(escrow).buyer_total),))
    rows.append((of_trade("pay_other", Verb.PAY_CHOOSE, escrow), of_trade("cancel_trade", Verb.CANCEL_ASK, escrow)))
    rows.append((of_trade("back_to_trade", Verb.TRADE, escrow),))
    return tuple(rows)


def _choice_screen(escrow: Escrow, user: User) -> Screen:
    pricing = Pricing.of(escrow)
    wallet = spendable(user.pk, escrow.asset)
    rows: list[tuple[Button, ...]] = []
    if pricing.buyer_total <= wallet:
        rows.append((of_trade("pay_wallet", Verb.PAY_WALLET_ASK, escrow, money=pricing.buyer_total),))
    rows += [(_method_button(escrow, method),) for method in pay_methods()]
    rows.append((of_trade("back_to_trade", Verb.TRADE, escrow),))
    context = {"trade": view_of(escrow, user), "wallet": wallet, "covers": pricing.buyer_total <= wallet}
    return Screen("pay_choose", context, tuple(rows))


def _method_button(escrow: Escrow, method: PayMethod) -> Button:
    words = {"asset": method.asset, "network": network_in_words(method.network)}
    return of_trade("pay_with", Verb.PAY_METHOD, escrow, extra=method.code.replace(":", "."), **words)


def _method_of(turn: Turn) -> PayMethod:
    try:
        return method_of((turn.press.extra if turn.press else "").replace(".", ":"))
    except UnknownMethod as error:
        raise DraftGone from error


def _escrow(turn: Turn) -> Escrow:
    return escrow_for(turn.user, turn.press.subject if turn.press else "")


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
    Verb.PAY_CHOOSE: choose,
    Verb.PAY_METHOD: start,
    Verb.PAY_SCREEN: refresh,
    Verb.PAY_HOW: explain,
}

"""The buyer pays with what is in the wallet: shown first, then done."""

from escrows import policy
from escrows.access import escrow_for
from escrows.actions.pay_from_wallet import pay_from_wallet
from escrows.preview import payment_preview
from escrows.shortfall import due_of
from lockbay import clock
from telegrambot.callback_data import Verb
from telegrambot.keyboards import confirm_keyboard
from telegrambot.screens import preview_context, trade_screen
from telegrambot.turn import Reply, Screen, Turn
from wallets.queries import spendable


def ask_to_pay(turn: Turn) -> Reply:
    """Shows what leaves the wallet; the button carries the digest of it (E5)."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    policy.require_can_pay(escrow, turn.user, clock.now())
    preview = payment_preview(escrow)
    total = due_of(escrow)
    context = {
        **preview_context(escrow, turn.user, preview),
        "left": spendable(turn.user.pk, escrow.asset) - total,
    }
    keyboard = confirm_keyboard(escrow, "pay_wallet_yes", Verb.PAY_WALLET, digest=preview.digest, money=total)
    return Reply(Screen("pay_wallet_ask", context, keyboard))


def pay(turn: Turn) -> Reply:
    """Pays and shows the trade."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    news = "paid" if escrow.frozen_at is None else "paid_again"
    paid = pay_from_wallet(actor=turn.user, escrow_id=escrow.pk, digest=turn.press.digest if turn.press else "")
    return Reply(trade_screen(escrow_for(turn.user, paid.public_id), turn.user, news=news), toast="paid")


BUTTONS = {Verb.PAY_WALLET_ASK: ask_to_pay, Verb.PAY_WALLET: pay}

"""Buttons, derived from what the rules allow now: a button that would be refused is not shown."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from escrows import policy
from escrows.errors import EscrowRefusal
from escrows.fees import Pricing
from escrows.models import Escrow, ShortPayment
from escrows.queries import can_revive
from escrows.shortfall import due_of, open_short_of
from escrows.states import ShortState, Status
from lockbay import clock
from lockbay.people.models import User
from telegrambot import persistence
from telegrambot.callback_data import Press, Verb
from telegrambot.models import Draft
from telegrambot.turn import Button, Keyboard

Row = tuple[Button, ...]


def menu_keyboard(draft: Draft | None = None) -> Keyboard:
    """The main menu; a draft that waits can be taken up again."""
    resume: Row = (to("resume", Verb.RESUME),) if persistence.is_active(draft) else ()
    return (
        resume,
        (to("new", Verb.NEW), to("trades", Verb.TRADES)),
        (to("wallet", Verb.WALLET), to("settings", Verb.SETTINGS)),
        (to("help", Verb.HELP), to("support", Verb.SUPPORT)),
    )


def back_to_menu() -> Keyboard:
    """One button home."""
    return ((to("menu", Verb.MENU),),)


def trade_keyboard(escrow: Escrow, user: User) -> Keyboard:
    """Everything that `user` may do with the trade now, the most likely first."""
    return (
        *_seller_rows(escrow, user),
        *_buyer_rows(escrow, user),
        *_shared_rows(escrow, user),
        (of_trade("refresh", Verb.REFRESH, escrow), to("trades", Verb.TRADES), to("menu", Verb.MENU)),
    )


def keyboard_for_notification(template: str, escrow: Escrow | None, user: User | None) -> Keyboard:
    """The buttons under a notice: the next act where there is one, else a way to the trade or to the menu.

    They are chosen when the notice is sent; pressed later, each is checked again like any other.
    """
    if escrow is None or user is None:
        return ((_about(template), to("menu", Verb.MENU)),)
    rows = [*_seller_rows(escrow, user), *_buyer_rows(escrow, user)]
    if escrow.status == Status.PAYMENT_CONFIRMED and _allows(policy.require_can_invite, escrow, user):
        rows.append((of_trade("invite", Verb.INVITE, escrow),))
    if template == "delivery_overdue_buyer" and _allows(policy.require_can_cancel, escrow, user, clock.now()):
        rows.insert(0, (of_trade("cancel_trade", Verb.CANCEL_ASK, escrow),))
    return (*rows, (of_trade("open_trade", Verb.TRADE, escrow),))


def invite_keyboard(escrow: Escrow, link: str, invitation: str) -> Keyboard:
    """Ways to hand the link on; `invitation` is the text that goes with it in Telegram's share dialog."""
    share = f"https://t.me/share/url?{urlencode({'url': link, 'text': invitation})}"
    return (
        (Button("share_link", url=share), Button("copy_link", copy=link)),
        (of_trade("open_trade", Verb.TRADE, escrow), to("menu", Verb.MENU)),
    )


def invite_link(token: str) -> str:
    """The deep link that opens the bot with an invitation."""
    return f"https://t.me/{settings.TELEGRAM_BOT_USERNAME}?start=inv_{token}"


def confirm_keyboard(escrow: Escrow, label: str, verb: Verb, *, digest: str = "", **words: Any) -> Keyboard:
    """Do it, or go back to the trade."""
    return ((of_trade(label, verb, escrow, digest=digest, **words),), (of_trade("not_now", Verb.TRADE, escrow),))


def to(label: str, verb: Verb, **words: Any) -> Button:
    """A button that carries nothing but its verb."""
    return Button(label, Press(verb), words=words)


def of_trade(label: str, verb: Verb, escrow: Escrow, *, digest: str = "", extra: str = "", **words: Any) -> Button:
    """A button about a trade."""
    return Button(label, Press(verb, escrow.public_id, digest, extra), words=words)


def of_draft(label: str, verb: Verb, draft: Draft, *, extra: str = "", **words: Any) -> Button:
    """A button about a draft: it says which, so that an old one cannot answer for a new one."""
    return Button(label, Press(verb, draft.request_key, extra=extra), words=words)


def _about(template: str) -> Button:
    """Where a notice leads that is about no trade."""
    if template.startswith("withdrawal_"):
        return to("withdrawals", Verb.WITHDRAWALS)
    if template.startswith("destination_"):
        return to("places", Verb.PLACES)
    return to("wallet", Verb.WALLET)


def _seller_rows(escrow: Escrow, user: User) -> list[Row]:
    now = clock.now()
    if _allows(policy.require_can_accept, escrow, user, now):
        gets = Pricing.of(escrow).seller_net
        return [
            (of_trade("accept", Verb.ACCEPT, escrow, money=gets),),
            (of_trade("decline", Verb.DECLINE_ASK, escrow),),
        ]
    if _allows(policy.require_can_answer_less, escrow, user, open_short_of(escrow), now):
        return [(of_trade("answer_less", Verb.LESS_ANSWER, escrow),)]
    if _allows(policy.require_can_mark_delivered, escrow, user):
        return [(of_trade("mark_delivered", Verb.DELIVERED_ASK, escrow),)]
    return []


def _buyer_rows(escrow: Escrow, user: User) -> list[Row]:
    now = clock.now()
    short = open_short_of(escrow)
    if short is not None and _allows(policy.require_can_decide_short, escrow, user, short, now):
        return _short_rows(escrow, user, short)
    if escrow.frozen_at is not None and _allows(policy.require_can_pay, escrow, user, now):
        return [(of_trade("pay_again", Verb.PAY, escrow, money=due_of(escrow)),)]
    if _allows(policy.require_can_pay, escrow, user, now):
        label = "pay" if escrow.status == Status.CREATED else "pay_details"
        return [(of_trade(label, Verb.PAY, escrow, money=Pricing.of(escrow).buyer_total),)]
    if can_revive(escrow, user):
        return [(of_trade("revive", Verb.REVIVE_ASK, escrow, money=Pricing.of(escrow).buyer_total),)]
    if _allows(policy.require_can_undo_release, escrow, user, now):
        return [(of_trade("undo_release", Verb.RELEASE_UNDO, escrow),)]
    if escrow.release_due_at is None and _allows(policy.require_can_release, escrow, user):
        label = "release" if escrow.status == Status.DELIVERED else "release_early"
        return [(of_trade(label, Verb.RELEASE_ASK, escrow, money=Pricing.of(escrow).seller_net),)]
    return []


def _short_rows(escrow: Escrow, user: User, short: ShortPayment) -> list[Row]:
    rows: list[Row] = [(of_trade("top_up", Verb.PAY, escrow, money=Pricing.of(escrow).buyer_total - short.held),)]
    can_ask = _allows(policy.require_can_ask_for_less, escrow, user, short, clock.now())
    if can_ask and short.state != ShortState.ASKED:
        rows.append((of_trade("ask_less", Verb.LESS_ASK, escrow),))
    rows.append((of_trade("take_back", Verb.TAKE_BACK_ASK, escrow, money=short.held),))
    return rows


def _shared_rows(escrow: Escrow, user: User) -> list[Row]:
    rows: list[Row] = []
    if _allows(policy.require_can_invite, escrow, user):
        rows.append((of_trade("invite", Verb.INVITE, escrow),))
    if _allows(policy.require_can_cancel, escrow, user, clock.now()):
        rows.append((of_trade("cancel_trade", Verb.CANCEL_ASK, escrow),))
    return rows


def _allows(rule: Callable[..., None], *facts: Any) -> bool:
    try:
        rule(*facts)
    except EscrowRefusal:
        return False
    return True

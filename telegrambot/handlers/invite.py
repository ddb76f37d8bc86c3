"""A fresh invite link for the side that is still free."""

from escrows.access import escrow_for
from escrows.actions.invite import make_invite
from escrows.models import Escrow
from lockbay.people.models import User
from telegrambot.callback_data import Verb
from telegrambot.keyboards import invite_keyboard, invite_link
from telegrambot.rendering import phrase
from telegrambot.screens import view_of
from telegrambot.turn import Reply, Screen, Turn


def show_invite(turn: Turn) -> Reply:
    """Makes a link; an earlier unused one stops working."""
    escrow = escrow_for(turn.user, turn.press.subject if turn.press else "")
    return Reply(invite_screen(escrow, turn.user, is_new_trade=False))


def invite_screen(escrow: Escrow, user: User, *, is_new_trade: bool) -> Screen:
    """The screen with the link, ready to be handed on."""
    link = invite_link(make_invite(actor=user, escrow_id=escrow.pk))
    context = {"trade": view_of(escrow, user), "link": link, "is_new_trade": is_new_trade}
    return Screen("invite", context, invite_keyboard(escrow, link, phrase("toasts", "invitation")))


BUTTONS = {Verb.INVITE: show_invite}

"""A payment was too short: the buyer asks for a lower price or takes the money back, the seller answers (E8)."""

from escrows import policy
from escrows.access import escrow_for
from escrows.actions.agree_to_less import agree_to_less
from escrows.actions.ask_for_less import ask_for_less
from escrows.actions.refuse_less import refuse_less
from escrows.actions.take_back_short import take_back_short
from escrows.errors import NotAllowed, Reason
from escrows.models import Escrow, ShortPayment
from escrows.preview import take_back_preview
from escrows.shortfall import less_offer, open_short_of
from lockbay import clock
from telegrambot.callback_data import Verb
from telegrambot.keyboards import confirm_keyboard, of_trade
from telegrambot.screens import preview_context, trade_screen, view_of
from telegrambot.turn import Reply, Screen, Turn


def ask_whether_to_ask(turn: Turn) -> Reply:
    """Shows what the seller would be asked; the button carries the digest of it (E5)."""
    escrow, short = _short_of(turn)
    policy.require_can_ask_for_less(escrow, turn.user, short, clock.now())
    offer = less_offer(escrow, short)
    context = {"trade": view_of(escrow, turn.user), "offer": offer, "choose_by": short.choose_by}
    keyboard = confirm_keyboard(escrow, "ask_less_yes", Verb.LESS, digest=offer.digest)
    return Reply(Screen("less_ask", context, keyboard))


def ask(turn: Turn) -> Reply:
    """Asks the seller and shows the trade that waits for the answer."""
    escrow = _escrow(turn)
    asked = ask_for_less(actor=turn.user, escrow_id=escrow.pk, digest=_digest(turn))
    return _trade(turn, asked, "less_asked")


def show_offer(turn: Turn) -> Reply:
    """The seller sees both prices; both answers carry the digest of what is shown."""
    escrow, short = _short_of(turn)
    policy.require_can_answer_less(escrow, turn.user, short, clock.now())
    offer = less_offer(escrow, short)
    keyboard = (
        (of_trade("less_yes", Verb.LESS_AGREE, escrow, digest=offer.digest, money=offer.pricing.seller_net),),
        (of_trade("less_no", Verb.LESS_REFUSE, escrow, digest=offer.digest),),
        (of_trade("not_now", Verb.TRADE, escrow),),
    )
    context = {"trade": view_of(escrow, turn.user), "offer": offer, "choose_by": short.choose_by}
    return Reply(Screen("less_answer", context, keyboard))


def agree(turn: Turn) -> Reply:
    """Lowers the price and shows the trade, now paid."""
    escrow = _escrow(turn)
    paid = agree_to_less(actor=turn.user, escrow_id=escrow.pk, digest=_digest(turn))
    return _trade(turn, paid, "less_agreed")


def refuse(turn: Turn) -> Reply:
    """Says no and shows the trade."""
    escrow = _escrow(turn)
    refused = refuse_less(actor=turn.user, escrow_id=escrow.pk, digest=_digest(turn))
    return _trade(turn, refused, "less_refused")


def ask_to_take_back(turn: Turn) -> Reply:
    """Shows what goes back to the wallet."""
    escrow, short = _short_of(turn)
    policy.require_can_decide_short(escrow, turn.user, short, clock.now())
    preview = take_back_preview(escrow)
    keyboard = confirm_keyboard(escrow, "take_back_yes", Verb.TAKE_BACK, digest=preview.digest)
    return Reply(Screen("take_back_ask", preview_context(escrow, turn.user, preview), keyboard))


def take_back(turn: Turn) -> Reply:
    """Takes it back and shows the trade, which can still be paid."""
    escrow = _escrow(turn)
    waiting = take_back_short(actor=turn.user, escrow_id=escrow.pk, digest=_digest(turn))
    return _trade(turn, waiting, "taken_back")


def _short_of(turn: Turn) -> tuple[Escrow, ShortPayment]:
    escrow = _escrow(turn)
    short = open_short_of(escrow)
    if short is None:
        raise NotAllowed(Reason.NOTHING_SHORT)
    return escrow, short


def _escrow(turn: Turn) -> Escrow:
    return escrow_for(turn.user, turn.press.subject if turn.press else "")


def _digest(turn: Turn) -> str:
    return turn.press.digest if turn.press else ""


def _trade(turn: Turn, escrow: Escrow, news: str) -> Reply:
    return Reply(trade_screen(escrow_for(turn.user, escrow.public_id), turn.user, news=news), toast=news)


BUTTONS = {
    Verb.LESS_ASK: ask_whether_to_ask,
    Verb.LESS: ask,
    Verb.LESS_ANSWER: show_offer,
    Verb.LESS_AGREE: agree,
    Verb.LESS_REFUSE: refuse,
    Verb.TAKE_BACK_ASK: ask_to_take_back,
    Verb.TAKE_BACK: take_back,
}

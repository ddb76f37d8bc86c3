"""/start: the greeting, or straight to the offer of an invite link (T4); the first one says who brought this person."""

from escrows.actions.note_first_start import Arrival, note_first_start
from telegrambot.handlers import join
from telegrambot.keyboards import menu_keyboard
from telegrambot.turn import Reply, Screen, Turn

REFERRAL = "ref_"


def start(turn: Turn) -> Reply:
    """Greets; with an invitation to a trade behind it, joins the trade at once."""
    if turn.text.startswith(join.PREFIX):
        note_first_start(actor=turn.user)
        return join.join_by_link(turn)
    code = turn.text.removeprefix(REFERRAL).strip() if turn.text.startswith(REFERRAL) else ""
    arrival = note_first_start(actor=turn.user, code=code)
    words = {"name": turn.user.first_name, "arrival": "" if arrival is Arrival.PLAIN else arrival.value}
    return Reply(Screen("start", words, menu_keyboard(turn.draft)))

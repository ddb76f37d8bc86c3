"""/start: the greeting, or straight to the offer of an invite link (T4)."""

from telegrambot.handlers import join
from telegrambot.keyboards import menu_keyboard
from telegrambot.turn import Reply, Screen, Turn


def start(turn: Turn) -> Reply:
    """Greets; with an invitation behind it, joins the trade at once."""
    if turn.text.startswith(join.PREFIX):
        return join.join_by_link(turn)
    return Reply(Screen("start", {"name": turn.user.first_name}, menu_keyboard(turn.draft)))

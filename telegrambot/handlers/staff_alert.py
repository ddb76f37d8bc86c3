"""The button under an alert stands in the staff's group alone, see staff_room.py. Elsewhere nobody was given one."""

from escrows.errors import NotFound
from telegrambot.callback_data import Verb
from telegrambot.turn import Reply, Turn


def refuse(turn: Turn) -> Reply:
    """Raises: NotFound, always."""
    raise NotFound


BUTTONS = {Verb.TAKE_ALERT: refuse}

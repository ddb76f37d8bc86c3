"""Which messages come by which channel (N9). Money and security always keep one."""

from lockbay.people.models import User
from notifications.actions.set_preference import set_preference
from notifications.models import Category
from notifications.preferences import mutes_of
from notifications.reach import reachable_channels
from telegrambot.callback_data import Press, Verb
from telegrambot.errors import DraftGone
from telegrambot.keyboards import to
from telegrambot.turn import Button, Reply, Screen, Turn

_ON, _OFF = "on", "off"


def show(turn: Turn) -> Reply:
    """Every category with a switch for each channel that reaches the person."""
    return Reply(_screen(turn.user))


def switch(turn: Turn) -> Reply:
    """Turns one on or off. Raises: WouldBeSilent, DraftGone for a button that no longer fits."""
    wanted = turn.press.extra.split(".") if turn.press else []
    known = [turn.press.subject] if turn.press and turn.press.subject in Category.values else []
    if len(wanted) != 2 or not known or wanted[0] not in reachable_channels(turn.user):
        raise DraftGone
    set_preference(actor=turn.user, category=Category(known[0]), channel=wanted[0], is_on=wanted[1] == _ON)
    return Reply(_screen(turn.user))


def _screen(user: User) -> Screen:
    channels = reachable_channels(user)
    muted = mutes_of([user.pk]).get(user.pk, set())
    rows = [
        tuple(_switch(category, channel, is_on=(category, channel) not in muted) for channel in channels)
        for category in Category.values
    ]
    return Screen("mutes", {}, (*rows, (to("settings", Verb.SETTINGS), to("menu", Verb.MENU))))


def _switch(category: str, channel: str, *, is_on: bool) -> Button:
    press = Press(Verb.MUTE, category, extra=f"{channel}.{_OFF if is_on else _ON}")
    return Button("mute_on" if is_on else "mute_off", press, words={"category": category, "channel": channel})


BUTTONS = {Verb.MUTES: show, Verb.MUTE: switch}

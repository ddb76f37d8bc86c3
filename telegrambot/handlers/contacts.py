"""Adding, changing and removing an address: e-mail, and phone numbers where SMS or WhatsApp are set up (N2)."""

from lockbay.people.models import Channel, Contact, User
from notifications.actions.confirm_contact import confirm_contact
from notifications.actions.remove_contact import remove_contact
from notifications.actions.request_code import request_code
from notifications.reach import ORDER, is_offered
from telegrambot.callback_data import Press, Verb
from telegrambot.errors import DraftGone
from telegrambot.keyboards import of_draft, to
from telegrambot.models import Draft
from telegrambot.persistence import drop_flow, move_on, require_active, start_flow
from telegrambot.turn import Button, Keyboard, Reply, Screen, Turn

FLOW = "email"  # the name that drafts in the database have carried since e-mail was the only one
ADDRESS, CODE = "address", "code"
TYPED = tuple(channel for channel in ORDER if channel != Channel.TELEGRAM.value)


def settings_screen(user: User, *, proved: str = "", removed: str = "", trade: str = "") -> Screen:
    """Who they are, how they are reached, and what can be done about it. `trade` is where they came from."""
    known = {contact.channel: contact for contact in _proved(user)}
    ways = [(channel, known.get(channel)) for channel in TYPED if channel in known or is_offered(channel)]
    rows: list[tuple[Button, ...]] = [_buttons_of(channel, contact) for channel, contact in ways]
    if trade:
        rows.insert(0, (Button("back_to_trade", Press(Verb.TRADE, trade)),))
    context = {
        "user": user,
        "ways": [{"channel": channel, "contact": contact} for channel, contact in ways],
        "is_single": not known,
        "proved": proved,
        "removed": removed,
    }
    return Screen("settings", context, (*rows, (to("mutes", Verb.MUTES),), (to("menu", Verb.MENU),)))


def begin(turn: Turn) -> Reply:
    """Asks for the address; a draft that waited is dropped. A button under a trade leads back there."""
    data = {"channel": _channel_pressed(turn), "trade": turn.press.subject if turn.press else ""}
    return Reply(step_screen(start_flow(turn, flow=FLOW, step=ADDRESS, data=data)))


def type_address(turn: Turn) -> Reply:
    """Sends a code to the address; one that is proved already is taken at once.

    Raises: AddressMalformed, TooSoonForAnotherCode, TooManyCodes, ChannelNotOffered.
    """
    draft = require_active(turn)
    contact = request_code(actor=turn.user, channel=channel_of_draft(draft), address=turn.text.strip())
    if contact.verified_at is not None:
        return _done(turn, draft, contact)
    return Reply(step_screen(move_on(turn, step=CODE, address=contact.address)))


def type_code(turn: Turn) -> Reply:
    """Checks the code. Raises: CodeWrong, CodeExpired, AddressTaken."""
    draft = require_active(turn)
    return _done(turn, draft, confirm_contact(actor=turn.user, code="".join(turn.text.split())))


def ask_to_remove(turn: Turn) -> Reply:
    """Are you sure? With the address."""
    channel = _channel_pressed(turn)
    contact = next((one for one in _proved(turn.user) if one.channel == channel), None)
    if contact is None:
        return Reply(settings_screen(turn.user))
    yes = Button("contact_remove_yes", Press(Verb.CONTACT_REMOVE, extra=channel))
    rows = ((yes,), (to("not_now", Verb.SETTINGS),))
    return Reply(Screen("contact_remove_ask", {"contact": contact, "channel": channel}, rows))


def remove(turn: Turn) -> Reply:
    """Forgets the address."""
    channel = _channel_pressed(turn)
    gone = remove_contact(actor=turn.user, channel=channel)
    return Reply(settings_screen(turn.user, removed=channel if gone else ""))


def step_screen(draft: Draft) -> Screen:
    """The question of the step."""
    channel = channel_of_draft(draft)
    rows: Keyboard = ((of_draft("drop_draft", Verb.FLOW_CANCEL, draft),),)
    if draft.step == CODE:
        other = Button("contact_other", Press(Verb.CONTACT_ADD, draft.data.get("trade", ""), extra=channel))
        rows = ((other,), *rows)
    return Screen(f"contact_{draft.step}", {"address": draft.data.get("address", ""), "channel": channel}, rows)


def add_buttons(*, trade: str = "") -> Keyboard:
    """One row for each channel that can be added."""
    return tuple(
        (Button(f"contact_add_{channel}", Press(Verb.CONTACT_ADD, trade, extra=channel)),)
        for channel in TYPED
        if is_offered(channel)
    )


def channel_of_draft(draft: Draft) -> str:
    """What the draft adds."""
    return str(draft.data.get("channel") or Channel.EMAIL.value)


def _done(turn: Turn, draft: Draft, contact: Contact) -> Reply:
    trade = str(draft.data.get("trade") or "")
    drop_flow(turn.chat_id)
    return Reply(settings_screen(turn.user, proved=contact.address, trade=trade))


def _proved(user: User) -> list[Contact]:
    """Newest proof last: it is the address in use."""
    return list(Contact.objects.filter(user=user, verified_at__isnull=False).order_by("verified_at", "pk"))


def _buttons_of(channel: str, contact: Contact | None) -> tuple[Button, ...]:
    change = Button(f"contact_{'change' if contact else 'add'}_{channel}", Press(Verb.CONTACT_ADD, extra=channel))
    if contact is None:
        return (change,)
    return (change, Button("contact_remove", Press(Verb.CONTACT_REMOVE_ASK, extra=channel)))


def _channel_pressed(turn: Turn) -> str:
    channel = (turn.press.extra if turn.press else "") or Channel.EMAIL.value
    if channel not in TYPED:
        raise DraftGone
    return channel


BUTTONS = {
    Verb.EMAIL_ADD: begin,
    Verb.CONTACT_ADD: begin,
    Verb.CONTACT_REMOVE_ASK: ask_to_remove,
    Verb.CONTACT_REMOVE: remove,
}
STEPS = {(FLOW, ADDRESS): type_address, (FLOW, CODE): type_code}

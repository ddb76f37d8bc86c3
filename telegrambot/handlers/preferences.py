"""/settings: who we take you for, and the e-mail address that steps in when Telegram fails (T4)."""

from lockbay.people.models import Channel, Contact
from notifications.actions.confirm_email import confirm_email
from notifications.actions.request_email_code import request_email_code
from telegrambot.callback_data import Verb
from telegrambot.keyboards import of_draft, to
from telegrambot.models import Draft
from telegrambot.persistence import drop_flow, move_on, require_active, start_flow
from telegrambot.turn import Keyboard, Reply, Screen, Turn

FLOW = "email"
ADDRESS, CODE = "address", "code"


def show_settings(turn: Turn) -> Reply:
    """What is set."""
    return Reply(_settings_screen(turn))


def begin_email(turn: Turn) -> Reply:
    """Asks for the address; a draft that waited is dropped."""
    return Reply(step_screen(start_flow(turn, flow=FLOW, step=ADDRESS)))


def type_address(turn: Turn) -> Reply:
    """Sends a code to the address; one that is proved already is taken at once.

    Raises: AddressMalformed, AddressTaken, TooSoonForAnotherCode.
    """
    contact = request_email_code(actor=turn.user, address=turn.text.strip())
    if contact.verified_at is not None:
        drop_flow(turn.chat_id)
        return Reply(_settings_screen(turn, proved=contact.address))
    return Reply(step_screen(move_on(turn, step=CODE, address=contact.address)))


def type_code(turn: Turn) -> Reply:
    """Checks the code. Raises: CodeWrong, CodeExpired."""
    require_active(turn)
    contact = confirm_email(actor=turn.user, code="".join(turn.text.split()))
    drop_flow(turn.chat_id)
    return Reply(_settings_screen(turn, proved=contact.address))


def step_screen(draft: Draft) -> Screen:
    """The question of the step."""
    rows: Keyboard = ((of_draft("drop_draft", Verb.FLOW_CANCEL, draft),),)
    if draft.step == CODE:
        rows = ((to("email_other", Verb.EMAIL_ADD),), *rows)
    return Screen(f"email_{draft.step}", {"address": draft.data.get("address", "")}, rows)


def _settings_screen(turn: Turn, *, proved: str = "") -> Screen:
    contacts = Contact.objects.filter(user=turn.user, channel=Channel.EMAIL, verified_at__isnull=False).order_by(
        "verified_at"
    )
    address = contacts.last()
    label = "email_change" if address else "email_add"
    context = {"user": turn.user, "email": address, "proved": proved}
    return Screen("settings", context, ((to(label, Verb.EMAIL_ADD),), (to("menu", Verb.MENU),)))


BUTTONS = {Verb.SETTINGS: show_settings, Verb.EMAIL_ADD: begin_email}
STEPS = {(FLOW, ADDRESS): type_address, (FLOW, CODE): type_code}

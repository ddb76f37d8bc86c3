"""Adding a place to withdraw to: the way, then an address or a bank account, checked, shown whole and confirmed."""

from typing import Any

from notifications.texts import clean_name
from payments.banks import Bank, bank_of, banks_called
from payments.errors import MethodGone
from payments.networks import NETWORKS
from payments.withdrawing import (
    PayoutMethod,
    Target,
    bank_target,
    crypto_target,
    look_up_rail,
    payout_method,
    payout_methods,
)
from telegrambot.callback_data import Verb
from telegrambot.errors import DraftGone
from telegrambot.handlers.pay import network_in_words
from telegrambot.handlers.places import cool_off_hours, place_screen, places_screen
from telegrambot.keyboards import of_draft, to
from telegrambot.models import Draft
from telegrambot.persistence import finish_flow, move_on, require_active, start_flow
from telegrambot.turn import Button, Keyboard, Reply, Screen, Turn
from wallets.actions.destinations import add_destination
from wallets.models import Destination

FLOW = "new_place"
METHOD, ADDRESS, BANK, BANK_CHOICE, ACCOUNT, CONFIRM = "method", "address", "bank", "bank_choice", "account", "confirm"


def begin(turn: Turn) -> Reply:
    """The ways out that are offered; a draft that waited is dropped."""
    if not payout_methods():
        return Reply(places_screen(turn.user))
    return Reply(step_screen(start_flow(turn, flow=FLOW, step=METHOD)))


def choose_method(turn: Turn) -> Reply:
    """A coin by its network, or a bank. Raises: MethodGone."""
    _pressed(turn, METHOD)
    method = payout_method((turn.press.extra if turn.press else "").replace(".", ":"))
    return Reply(step_screen(move_on(turn, step=BANK if method.is_bank else ADDRESS, method=method.code)))


def type_address(turn: Turn) -> Reply:
    """Raises: AddressRefused."""
    target = crypto_target(_method(require_active(turn)), turn.text)
    return _ask_to_confirm(turn, target)


def type_bank(turn: Turn) -> Reply:
    """Looks for banks of that name; one alone is taken. Raises: BankUnknown, BankUnreachable."""
    found = banks_called(look_up_rail(_method(require_active(turn))), turn.text)
    if len(found) == 1:
        return _take_bank(turn, found[0])
    banks = [[bank.code, bank.name] for bank in found]
    return Reply(step_screen(move_on(turn, step=BANK_CHOICE, banks=banks)))


def choose_bank(turn: Turn) -> Reply:
    """One of those that were found. Raises: BankUnknown, BankUnreachable."""
    draft = _pressed(turn, BANK_CHOICE)
    return _take_bank(turn, bank_of(look_up_rail(_method(draft)), turn.press.extra if turn.press else ""))


def type_account(turn: Turn) -> Reply:
    """Asks the bank whose account it is. Raises: AccountMalformed, AccountUnknown, BankUnreachable."""
    draft = require_active(turn)
    bank = Bank(draft.data["bank_code"], draft.data["bank_name"])
    return _ask_to_confirm(turn, bank_target(_method(draft), bank, turn.text))


def save(turn: Turn) -> Reply:
    """Saves it once, however often it is pressed or delivered."""
    known = _made_from(turn)
    if known is not None:
        return Reply(place_screen(known))
    draft = _pressed(turn, CONFIRM)
    method = _method(draft)
    destination = add_destination(
        actor=turn.user,
        request_key=f"draft:{draft.request_key}",
        rail=method.rail,
        payout_asset=method.asset,
        network=method.network,
        label="",
        details=draft.data["details"],
        fingerprint=draft.data["fingerprint"],
    )
    finish_flow(turn, destination=destination.pk)
    return Reply(place_screen(destination, news="saved"), toast="place_saved")


def step_screen(draft: Draft) -> Screen:
    """The question of the step, what was answered so far, and the buttons."""
    rows = (*_choices(draft), (of_draft("drop_draft", Verb.FLOW_CANCEL, draft),))
    context: dict[str, Any] = {**draft.data}
    if "method" in draft.data and draft.step != METHOD:
        try:
            method = _method(draft)
        except MethodGone:
            return Screen("place_gone", {}, ((to("place_new", Verb.PLACE_NEW), to("menu", Verb.MENU)),))
        context["network"] = network_in_words(method.network, method.asset)
        context["asset"], context["is_bank"] = method.asset, method.is_bank
        context["chain"] = NETWORKS[method.network].chain
    if draft.step == CONFIRM:
        context["hours"] = cool_off_hours()
        context["holder"] = clean_name(draft.data["details"].get("account_name", ""))
    return Screen(f"place_{draft.step}", context, rows)


def _choices(draft: Draft) -> Keyboard:
    if draft.step == METHOD:
        return tuple((_method_button(draft, method),) for method in payout_methods())
    if draft.step == BANK_CHOICE:
        return tuple(
            (of_draft("bank_row", Verb.PLACE_BANK, draft, extra=code, name=clean_name(name)),)
            for code, name in draft.data["banks"]
        )
    if draft.step == CONFIRM:
        return ((of_draft("place_save", Verb.PLACE_SAVE, draft),),)
    return ()


def _method_button(draft: Draft, method: PayoutMethod) -> Button:
    words = {"asset": method.asset, "network": network_in_words(method.network, method.asset)}
    return of_draft("pay_with", Verb.PLACE_METHOD, draft, extra=method.code.replace(":", "."), **words)


def _take_bank(turn: Turn, bank: Bank) -> Reply:
    return Reply(step_screen(move_on(turn, step=ACCOUNT, bank_code=bank.code, bank_name=bank.name, banks=None)))


def _ask_to_confirm(turn: Turn, target: Target) -> Reply:
    return Reply(step_screen(move_on(turn, step=CONFIRM, details=target.details, fingerprint=target.fingerprint)))


def _method(draft: Draft) -> PayoutMethod:
    return payout_method(draft.data["method"])


def _pressed(turn: Turn, step: str) -> Draft:
    """The draft of the button. Raises: DraftGone when it is of another draft or step."""
    draft = turn.draft
    if draft is None or turn.press is None or (draft.flow, draft.step) != (FLOW, step):
        raise DraftGone
    if turn.press.subject != draft.request_key:
        raise DraftGone
    return draft


def _made_from(turn: Turn) -> Destination | None:
    """The place that this button saved before."""
    draft = turn.draft
    if draft is None or turn.press is None or draft.flow or turn.press.subject != draft.request_key:
        return None
    return Destination.objects.live().filter(pk=draft.data.get("destination", 0), owner=turn.user).first()


BUTTONS = {
    Verb.PLACE_NEW: begin,
    Verb.PLACE_METHOD: choose_method,
    Verb.PLACE_BANK: choose_bank,
    Verb.PLACE_SAVE: save,
}
STEPS = {
    (FLOW, ADDRESS): type_address,
    (FLOW, BANK): type_bank,
    (FLOW, BANK_CHOICE): type_bank,
    (FLOW, ACCOUNT): type_account,
}

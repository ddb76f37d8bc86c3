"""Starting a trade, one question at a time, then the exact preview of what it costs and brings."""

import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from escrows import terms
from escrows.access import escrow_for
from escrows.actions.create import create_escrow
from escrows.errors import AmountOutOfRange, HoursOutOfRange, TextMissing, TextTooLong
from escrows.fees import HOURS_LEAST, HOURS_MOST, Pricing, price_escrow
from escrows.models import FeePayer, Side
from telegrambot.amounts import read_amount
from telegrambot.callback_data import Verb
from telegrambot.errors import DraftGone, NotUnderstood
from telegrambot.handlers.invite import invite_screen
from telegrambot.keyboards import of_draft
from telegrambot.models import Draft
from telegrambot.persistence import finish_flow, move_on, start_flow
from telegrambot.screens import trade_screen
from telegrambot.turn import Button, Reply, Screen, Turn
from wallets.money import Money

FLOW = "new"
SIDE, COUNTERPARTY, AMOUNT, DESCRIPTION, HOURS, FEE, REVIEW = ORDER = (
    "side",
    "counterparty",
    "amount",
    "description",
    "hours",
    "fee",
    "review",
)
OFFERED_HOURS = (24, 48, 72)
_USERNAME = re.compile(r"^@?[A-Za-z][A-Za-z0-9_]{3,31}$", re.ASCII)
_PHONE = re.compile(r"^\+?[0-9][0-9 ()./-]{5,20}$", re.ASCII)


def begin(turn: Turn) -> Reply:
    """/new: the first question; a draft that waited is dropped."""
    return Reply(step_screen(start_flow(turn, flow=FLOW, step=SIDE)))


def step_screen(draft: Draft) -> Screen:
    """The question of the step, what was answered so far, and the buttons."""
    context = {
        "step": draft.step,
        "number": ORDER.index(draft.step) + 1,
        "count": len(ORDER),
        "answers": _answers(draft),
    }
    if draft.step == REVIEW:
        context["pricing"] = _pricing(draft)
    if draft.step == FEE:
        price = _price(draft)
        context["choices"] = [(payer.value, price_escrow(price, payer, terms.fee_policy())) for payer in FeePayer]
    if draft.step == AMOUNT:
        context["least"], context["most"] = terms.price_limits()
    return Screen(f"new_{draft.step}", context, (*_CHOICES.get(draft.step, _no_choices)(draft), _way_out(draft)))


def choose_side(turn: Turn) -> Reply:
    """Buyer or seller."""
    draft, choice = _pressed(turn, SIDE)
    return _next(turn, draft, side=_one_of(choice, Side.values))


def skip_counterparty(turn: Turn) -> Reply:
    """The link alone will do."""
    draft, _choice = _pressed(turn, COUNTERPARTY)
    return _next(turn, draft, hint=None)


def type_counterparty(turn: Turn) -> Reply:
    """@username, e-mail or phone: a note to find each other by; it never binds an account (E3)."""
    text = turn.text.strip()
    if not (_USERNAME.match(text) or _PHONE.match(text) or _is_email(text)):
        raise NotUnderstood("counterparty")
    return _next(turn, _active(turn), hint=text)


def type_amount(turn: Turn) -> Reply:
    """The price in US dollars. Raises: MalformedAmount, AmountOutOfRange."""
    price = read_amount(turn.text)
    least, most = terms.price_limits()
    if price < least or most < price:
        raise AmountOutOfRange(least, most)
    return _next(turn, _active(turn), price_minor=price.minor)


def type_description(turn: Turn) -> Reply:
    """What is traded. Raises: TextMissing, TextTooLong."""
    text = turn.text.strip()
    if not text:
        raise TextMissing
    if len(text) > terms.DESCRIPTION_MOST:
        raise TextTooLong(terms.DESCRIPTION_MOST)
    return _next(turn, _active(turn), description=text)


def choose_hours(turn: Turn) -> Reply:
    """One of the usual times."""
    draft, choice = _pressed(turn, HOURS)
    return _next(turn, draft, hours=int(_one_of(choice, [str(hours) for hours in OFFERED_HOURS])))


def type_hours(turn: Turn) -> Reply:
    """Any whole number of hours. Raises: NotUnderstood, HoursOutOfRange."""
    text = turn.text.strip()
    if not text.isdecimal() or len(text) > 6:
        raise NotUnderstood("hours")
    hours = int(text)
    if not HOURS_LEAST <= hours <= HOURS_MOST:
        raise HoursOutOfRange(HOURS_LEAST, HOURS_MOST)
    return _next(turn, _active(turn), hours=hours)


def choose_fee(turn: Turn) -> Reply:
    """Who pays LockBay's fee."""
    draft, choice = _pressed(turn, FEE)
    return _next(turn, draft, fee_payer=_one_of(choice, FeePayer.values))


def go_back(turn: Turn) -> Reply:
    """The question before; its answer is asked again."""
    draft = _active(turn)
    _require_button_of(turn, draft)
    before = ORDER[max(0, ORDER.index(draft.step) - 1)]
    return Reply(step_screen(move_on(turn, step=before)))


def create(turn: Turn) -> Reply:
    """Creates the trade once, however often it is pressed or delivered, and shows the invite link (F44)."""
    made = _made_from(turn)
    if made is not None:
        return Reply(trade_screen(escrow_for(turn.user, made), turn.user))
    draft, _choice = _pressed(turn, REVIEW)
    escrow = create_escrow(
        actor=turn.user,
        side=Side(draft.data["side"]),
        price=_price(draft),
        description=draft.data["description"],
        delivery_hours=draft.data["hours"],
        fee_payer=FeePayer(draft.data["fee_payer"]),
        counterparty_hint=draft.data.get("hint", ""),
        request_key=f"draft:{draft.request_key}",
    )
    escrow = escrow_for(turn.user, escrow.public_id)
    screen = invite_screen(escrow, turn.user, is_new_trade=True)
    finish_flow(turn, public_id=escrow.public_id)
    return Reply(screen, toast="created")


def _next(turn: Turn, draft: Draft, **answers: Any) -> Reply:
    following = ORDER[ORDER.index(draft.step) + 1]
    return Reply(step_screen(move_on(turn, step=following, **answers)))


def _active(turn: Turn) -> Draft:
    if turn.draft is None or turn.draft.flow != FLOW:
        raise DraftGone
    return turn.draft


def _pressed(turn: Turn, step: str) -> tuple[Draft, str]:
    """The draft and the button's choice. Raises: DraftGone when the button is of another draft or step."""
    draft = _active(turn)
    _require_button_of(turn, draft)
    if turn.press is None or draft.step != step:
        raise DraftGone
    return draft, turn.press.extra


def _require_button_of(turn: Turn, draft: Draft) -> None:
    if turn.press is None or turn.press.subject != draft.request_key:
        raise DraftGone


def _made_from(turn: Turn) -> str | None:
    """The trade that this button made before."""
    draft = turn.draft
    if draft is None or turn.press is None or draft.flow or turn.press.subject != draft.request_key:
        return None
    return draft.data.get("public_id")


def _one_of(choice: str, choices: list[str]) -> str:
    if choice not in choices:
        raise DraftGone
    return choice


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= terms.HINT_MOST


def _price(draft: Draft) -> Money:
    return Money(draft.data["price_minor"], terms.ASSET)


def _pricing(draft: Draft) -> Pricing:
    return price_escrow(_price(draft), FeePayer(draft.data["fee_payer"]), terms.fee_policy())


def _answers(draft: Draft) -> dict[str, Any]:
    price = _price(draft) if "price_minor" in draft.data else None
    return {**draft.data, "price": price}


def _no_choices(_draft: Draft) -> tuple[tuple[Button, ...], ...]:
    return ()


def _side_choices(draft: Draft) -> tuple[tuple[Button, ...], ...]:
    return (tuple(of_draft(f"side_{side}", Verb.NEW_SIDE, draft, extra=side) for side in Side.values),)


def _counterparty_choices(draft: Draft) -> tuple[tuple[Button, ...], ...]:
    return ((of_draft("link_only", Verb.NEW_SKIP, draft),),)


def _hours_choices(draft: Draft) -> tuple[tuple[Button, ...], ...]:
    return (tuple(of_draft("hours", Verb.NEW_HOURS, draft, extra=str(hours), hours=hours) for hours in OFFERED_HOURS),)


def _fee_choices(draft: Draft) -> tuple[tuple[Button, ...], ...]:
    return tuple((of_draft(f"fee_{payer}", Verb.NEW_FEE, draft, extra=payer),) for payer in FeePayer.values)


def _review_choices(draft: Draft) -> tuple[tuple[Button, ...], ...]:
    return ((of_draft("create", Verb.NEW_CREATE, draft),),)


_CHOICES: dict[str, Callable[[Draft], tuple[tuple[Button, ...], ...]]] = {
    SIDE: _side_choices,
    COUNTERPARTY: _counterparty_choices,
    HOURS: _hours_choices,
    FEE: _fee_choices,
    REVIEW: _review_choices,
}


def _way_out(draft: Draft) -> tuple[Button, ...]:
    drop = of_draft("drop_draft", Verb.FLOW_CANCEL, draft)
    return (drop,) if draft.step == SIDE else (of_draft("back", Verb.NEW_BACK, draft), drop)


BUTTONS = {
    Verb.NEW: begin,
    Verb.NEW_SIDE: choose_side,
    Verb.NEW_SKIP: skip_counterparty,
    Verb.NEW_HOURS: choose_hours,
    Verb.NEW_FEE: choose_fee,
    Verb.NEW_BACK: go_back,
    Verb.NEW_CREATE: create,
}
STEPS = {
    (FLOW, COUNTERPARTY): type_counterparty,
    (FLOW, AMOUNT): type_amount,
    (FLOW, DESCRIPTION): type_description,
    (FLOW, HOURS): type_hours,
}

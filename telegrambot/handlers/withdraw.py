"""Withdrawing: how much, where to, then exactly what happens, confirmed with a digest (W1, E5)."""

from datetime import datetime, timedelta
from typing import Any

from escrows.errors import PreviewChanged
from lockbay import clock
from lockbay.people.models import Channel, Contact, User
from payments.withdrawing import payout_methods
from telegrambot.amounts import read_amount
from telegrambot.callback_data import Verb
from telegrambot.errors import DraftGone
from telegrambot.handlers.places import MOST_SHOWN, cool_off_hours, place_button, view_of_place
from telegrambot.handlers.withdrawals import withdrawal_named, withdrawal_screen
from telegrambot.keyboards import of_draft, to
from telegrambot.models import Draft
from telegrambot.persistence import finish_flow, move_on, require_active, start_flow
from telegrambot.turn import Button, Keyboard, Reply, Screen, Turn
from telegrambot.withdraw_terms import HOME_ASSET, digest_of, frozen_terms, terms_of
from wallets.accounts import AFFILIATE, AVAILABLE, user_account
from wallets.actions.change_withdrawal import change_withdrawal
from wallets.actions.request_withdrawal import request_withdrawal
from wallets.debts import require_no_debt
from wallets.errors import DestinationNotFound, InsufficientFunds
from wallets.models import Destination, Withdrawal
from wallets.money import Money
from wallets.queries import balances_of
from wallets.quoting import terms_for
from wallets.withdrawal_policy import require_in_range, require_usable, withdrawal_limits
from wallets.withdrawal_queries import destinations_of
from wallets.withdrawal_states import PENDING

FLOW = "withdraw"
AMOUNT, DESTINATION, REVIEW = ORDER = ("amount", "destination", "review")
# What was shown is what is asked for, for so long; then it is shown afresh.
TERMS_LAST = timedelta(minutes=5)


def begin(turn: Turn) -> Reply:
    """/withdraw: what is missing first (an e-mail address, a place, money), else the first question.

    Raises: DebtOpen.
    """
    kind = AFFILIATE if turn.press and turn.press.extra == AFFILIATE else AVAILABLE
    require_no_debt(turn.user.pk, HOME_ASSET)
    missing = _what_is_missing(turn.user, kind)
    if missing is not None:
        return Reply(missing)
    draft = start_flow(turn, flow=FLOW, step=AMOUNT, data={"kind": kind})
    if turn.press is None and turn.text:
        return _take(Turn(turn.user, turn.chat_id, turn.update_id, turn.text, None, draft), read_amount(turn.text))
    return Reply(step_screen(draft))


def change_place(turn: Turn) -> Reply:
    """The same amount to another place, while it waits for approval: what was approved of it is void then (W2)."""
    withdrawal = withdrawal_named(turn.user, turn.press.subject if turn.press else "")
    if withdrawal.status not in PENDING:
        return Reply(withdrawal_screen(withdrawal))
    data = {"kind": withdrawal.account_kind, "amount_minor": withdrawal.amount_minor, "changes": withdrawal.public_id}
    return Reply(step_screen(start_flow(turn, flow=FLOW, step=DESTINATION, data=data)))


def type_amount(turn: Turn) -> Reply:
    """Raises: MalformedAmount, WithdrawalOutOfRange, InsufficientFunds."""
    return _take(turn, read_amount(turn.text))


def take_all(turn: Turn) -> Reply:
    """Everything there is, up to the most of one request. Raises: WithdrawalOutOfRange."""
    draft = _pressed(turn, AMOUNT)
    return _take(turn, _everything(turn.user, draft.data["kind"]))


def choose_place(turn: Turn) -> Reply:
    """Where to; then the exact preview.

    Raises: DestinationNotFound, DestinationCoolingOff, QuoteUnavailable, NothingArrives.
    """
    draft = _pressed(turn, DESTINATION)
    key = turn.press.extra if turn.press else ""
    destination = _destination(turn.user, int(key) if key.isdecimal() else 0)
    require_usable(destination, clock.now())
    terms = terms_for(destination, _amount(draft))
    return Reply(step_screen(move_on(turn, step=REVIEW, destination=destination.pk, terms=frozen_terms(terms))))


def go_back(turn: Turn) -> Reply:
    """The question before."""
    draft = require_active(turn) if turn.draft and turn.draft.flow == FLOW else None
    if draft is None or turn.press is None or turn.press.subject != draft.request_key:
        raise DraftGone
    first = ORDER.index(DESTINATION if "changes" in draft.data else AMOUNT)
    before = ORDER[max(first, ORDER.index(draft.step) - 1)]
    return Reply(step_screen(move_on(turn, step=before)))


def confirm(turn: Turn) -> Reply:
    """Asks for exactly what was shown, once, however often it is pressed or delivered.

    Raises: PreviewChanged when what was shown is another or too old, and what request_withdrawal raises.
    """
    known = _made_from(turn)
    if known:
        return Reply(withdrawal_screen(withdrawal_named(turn.user, known)))
    draft = _pressed(turn, REVIEW)
    destination = _destination(turn.user, draft.data["destination"])
    shown_at = datetime.fromisoformat(draft.data["terms"]["shown_at"])
    if turn.press is None or turn.press.digest != digest_of(draft) or clock.real_now() - shown_at > TERMS_LAST:
        move_on(turn, step=REVIEW, terms=frozen_terms(terms_for(destination, _amount(draft))))
        raise PreviewChanged
    withdrawal = _ask_for(turn.user, draft, destination)
    news = "changed" if "changes" in draft.data else "requested"
    finish_flow(turn, withdrawal=withdrawal.public_id)
    return Reply(withdrawal_screen(withdrawal, news=news), toast=f"withdrawal_{news}")


def step_screen(draft: Draft) -> Screen:
    """The question of the step, what was answered so far, and the buttons."""
    context: dict[str, Any] = {"kind": draft.data["kind"], "number": ORDER.index(draft.step) + 1, "count": len(ORDER)}
    if draft.step == AMOUNT:
        context["least"], context["most"] = withdrawal_limits()
        context["available"] = _balance(draft.user, draft.data["kind"])
    else:
        context["amount"] = _amount(draft)
    places = [view_of_place(one) for one in destinations_of(draft.user_id)[:MOST_SHOWN]]
    if draft.step == DESTINATION:
        context["waiting"] = [place for place in places if place.usable_at]
    if draft.step == REVIEW:
        context["terms"] = terms_of(draft)
        context["place"] = view_of_place(_destination(draft.user, draft.data["destination"]))
        context["arrives_as"] = context["place"].asset
    return Screen(f"withdraw_{draft.step}", context, (*_choices(draft), _way_out(draft)))


def _ask_for(user: User, draft: Draft, destination: Destination) -> Withdrawal:
    changes = draft.data.get("changes")
    if changes:
        known = withdrawal_named(user, changes)
        return change_withdrawal(
            actor=user, withdrawal_id=known.pk, destination_id=destination.pk, terms=terms_of(draft)
        )
    return request_withdrawal(
        actor=user,
        request_key=f"draft:{draft.request_key}",
        destination_id=destination.pk,
        amount=_amount(draft),
        terms=terms_of(draft),
        account_kind=draft.data["kind"],
    )


def _choices(draft: Draft) -> Keyboard:
    if draft.step == AMOUNT:
        everything = _everything(draft.user, draft.data["kind"])
        least, _most = withdrawal_limits()
        if everything < least:
            return ()
        return ((of_draft("withdraw_all", Verb.WITHDRAW_ALL, draft, money=everything),),)
    if draft.step == DESTINATION:
        places = [view_of_place(one) for one in destinations_of(draft.user_id)[:MOST_SHOWN]]
        rows = [(place_button(place, Verb.WITHDRAW_TO, subject=draft.request_key),) for place in places]
        return (*rows, (to("place_new", Verb.PLACE_NEW),))
    confirm_it = of_draft("withdraw_yes", Verb.WITHDRAW_DO, draft, money=_amount(draft))
    press = confirm_it.press
    assert press is not None  # noqa: S101  a button about a draft has one
    with_digest = type(press)(press.verb, press.subject, digest_of(draft), press.extra)
    return ((Button("withdraw_yes", with_digest, words=confirm_it.words),),)


def _way_out(draft: Draft) -> tuple[Button, ...]:
    drop = of_draft("drop_draft", Verb.FLOW_CANCEL, draft)
    is_first = draft.step == (DESTINATION if "changes" in draft.data else AMOUNT)
    return (drop,) if is_first else (of_draft("back", Verb.WITHDRAW_BACK, draft), drop)


def _what_is_missing(user: User, kind: str) -> Screen | None:
    """What has to be there before anybody is asked how much: each with its own next step."""
    home = (to("wallet", Verb.WALLET), to("menu", Verb.MENU))
    if not payout_methods():
        return Screen("withdraw_closed", {}, (home,))
    least, _most = withdrawal_limits()
    balance = _balance(user, kind)
    if balance < least:
        return Screen(
            "withdraw_nothing", {"least": least, "available": balance}, ((to("deposit", Verb.DEPOSIT),), home)
        )
    # W7: a new place is announced on another channel, so there has to be one (T4).
    if not Contact.objects.filter(user=user, channel=Channel.EMAIL, verified_at__isnull=False).exists():
        return Screen("withdraw_email", {}, ((to("contact_add_email", Verb.EMAIL_ADD),), home))
    if not destinations_of(user.pk):
        return Screen("withdraw_nowhere", {"hours": cool_off_hours()}, ((to("place_new", Verb.PLACE_NEW),), home))
    return None


def _take(turn: Turn, amount: Money) -> Reply:
    draft = require_active(turn)
    require_in_range(amount)
    balance = _balance(turn.user, draft.data["kind"])
    if balance < amount:
        code = str(user_account(turn.user.pk, HOME_ASSET, draft.data["kind"]))
        raise InsufficientFunds(code=code, asset=HOME_ASSET, available=balance.minor, wanted=amount.minor)
    return Reply(step_screen(move_on(turn, step=DESTINATION, amount_minor=amount.minor)))


def _everything(user: User, kind: str) -> Money:
    balance, (_least, most) = _balance(user, kind), withdrawal_limits()
    return min(balance, most)


def _balance(user: User, kind: str) -> Money:
    return balances_of(user.pk).get((kind, HOME_ASSET), Money(0, HOME_ASSET))


def _destination(user: User, pk: int) -> Destination:
    found = Destination.objects.live().filter(owner=user, pk=pk).first()
    if found is None:
        raise DestinationNotFound
    return found


def _amount(draft: Draft) -> Money:
    return Money(draft.data["amount_minor"], HOME_ASSET)


def _pressed(turn: Turn, step: str) -> Draft:
    """The draft of the button. Raises: DraftGone when it is of another draft or step."""
    draft = turn.draft
    if draft is None or turn.press is None or (draft.flow, draft.step) != (FLOW, step):
        raise DraftGone
    if turn.press.subject != draft.request_key:
        raise DraftGone
    return draft


def _made_from(turn: Turn) -> str:
    """The withdrawal that this button asked for before; "" for none."""
    draft = turn.draft
    if draft is None or turn.press is None or draft.flow or turn.press.subject != draft.request_key:
        return ""
    return str(draft.data.get("withdrawal", ""))


BUTTONS = {
    Verb.WITHDRAW: begin,
    Verb.WITHDRAW_ALL: take_all,
    Verb.WITHDRAW_TO: choose_place,
    Verb.WITHDRAW_BACK: go_back,
    Verb.WITHDRAW_DO: confirm,
    Verb.WITHDRAWAL_MOVE: change_place,
}
STEPS = {(FLOW, AMOUNT): type_amount}

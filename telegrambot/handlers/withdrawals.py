"""My withdrawals: where each stands in plain words, what comes next, and taking one back while it waits (W2)."""

from typing import Any

from lockbay.people.models import User
from notifications.texts import clean_text
from telegrambot.callback_data import Press, Verb
from telegrambot.handlers.places import view_of_place
from telegrambot.keyboards import to
from telegrambot.turn import Button, Keyboard, Reply, Screen, Turn
from wallets.actions.cancel_withdrawal import cancel_withdrawal
from wallets.errors import WithdrawalNotFound
from wallets.models import Withdrawal
from wallets.withdrawal_policy import REASON_LONGEST
from wallets.withdrawal_queries import withdrawal_for, withdrawals_of
from wallets.withdrawal_states import PENDING, RETURNED, WithdrawalStatus

PAGE = 8
_TOLD_WHY = {WithdrawalStatus.REJECTED, WithdrawalStatus.FAILED}  # staff write it for the owner


def show_withdrawals(turn: Turn) -> Reply:
    """The newest, or those before the one that the button names."""
    before = turn.press.extra if turn.press else ""
    before_id = int(before) if before.isdecimal() and len(before) <= 18 else None
    rows = withdrawals_of(turn.user.pk, before_id=before_id, limit=PAGE + 1)
    shown = rows[:PAGE]
    keyboard: list[tuple[Button, ...]] = [(_row_button(withdrawal),) for withdrawal in shown]
    if len(rows) > PAGE:
        keyboard.append((Button("older_withdrawals", Press(Verb.WITHDRAWALS, extra=str(shown[-1].pk))),))
    keyboard += [(to("withdraw", Verb.WITHDRAW),), (to("wallet", Verb.WALLET), to("menu", Verb.MENU))]
    return Reply(Screen("withdrawals", {"withdrawals": shown, "is_first": before_id is None}, tuple(keyboard)))


def show_withdrawal(turn: Turn) -> Reply:
    """One of them. Raises: WithdrawalNotFound."""
    return Reply(withdrawal_screen(_own(turn)))


def ask_to_cancel(turn: Turn) -> Reply:
    """The question before it is taken back; the withdrawal itself when it is too late. Raises: WithdrawalNotFound."""
    withdrawal = _own(turn)
    if withdrawal.status not in PENDING:
        return Reply(withdrawal_screen(withdrawal))
    key = withdrawal.public_id
    rows: Keyboard = (
        (Button("withdrawal_cancel_yes", Press(Verb.WITHDRAWAL_CANCEL, key)),),
        (Button("not_now", Press(Verb.WITHDRAWAL, key)),),
    )
    return Reply(Screen("withdrawal_cancel_ask", _context(withdrawal), rows))


def cancel(turn: Turn) -> Reply:
    """Back to the wallet. Raises: WithdrawalNotFound, WrongWithdrawalStatus."""
    withdrawal = _own(turn)
    cancel_withdrawal(actor=turn.user, withdrawal_id=withdrawal.pk)
    return Reply(withdrawal_screen(_own(turn)), toast="withdrawal_cancelled")


def withdrawal_screen(withdrawal: Withdrawal, *, news: str = "") -> Screen:
    """Everything about one. `news`: "requested" or "changed" when it just was."""
    key = withdrawal.public_id
    rows: list[tuple[Button, ...]] = []
    if withdrawal.status in PENDING:
        move = Button("withdrawal_move", Press(Verb.WITHDRAWAL_MOVE, key))
        rows.append((Button("withdrawal_cancel", Press(Verb.WITHDRAWAL_CANCEL_ASK, key)), move))
    rows.append((Button("refresh", Press(Verb.WITHDRAWAL, key)), to("withdrawals", Verb.WITHDRAWALS)))
    rows.append((to("wallet", Verb.WALLET), to("menu", Verb.MENU)))
    return Screen("withdrawal", {**_context(withdrawal), "news": news}, tuple(rows))


def withdrawal_named(user: User, public_id: str) -> Withdrawal:
    """A person's own one. Raises: WithdrawalNotFound, also for one that only staff may see."""
    withdrawal = withdrawal_for(user, public_id)
    if withdrawal.owner_id != user.pk:
        raise WithdrawalNotFound
    return withdrawal


def _own(turn: Turn) -> Withdrawal:
    return withdrawal_named(turn.user, turn.press.subject if turn.press else "")


def _context(withdrawal: Withdrawal) -> dict[str, Any]:
    return {
        "withdrawal": withdrawal,
        "place": view_of_place(withdrawal.destination),
        "is_back": withdrawal.status in RETURNED,
        "reason": clean_text(withdrawal.reason, REASON_LONGEST) if withdrawal.status in _TOLD_WHY else "",
    }


def _row_button(withdrawal: Withdrawal) -> Button:
    words = {"public_id": withdrawal.public_id, "money": withdrawal.amount, "status": withdrawal.status}
    return Button("withdrawal_row", Press(Verb.WITHDRAWAL, withdrawal.public_id), words=words)


BUTTONS = {
    Verb.WITHDRAWALS: show_withdrawals,
    Verb.WITHDRAWAL: show_withdrawal,
    Verb.WITHDRAWAL_CANCEL_ASK: ask_to_cancel,
    Verb.WITHDRAWAL_CANCEL: cancel,
}

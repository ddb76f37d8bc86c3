"""What people, staff and senders do in a storm: small acts on wallets, chosen by chance, each repeatable under its key.

An act that is refused has been tried; whatever else is raised is the test's failure.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from lockbay import clock, http
from lockbay.people.models import User
from payments.actions.ask_payout import ask_payout
from payments.actions.send_payout import send_payout
from payments.actions.start_intent import request_intent_within
from payments.methods import PayMethod
from payments.models import Intent, PayoutAttempt
from payments.rates.quotes import Quote
from payments.states import IntentStatus
from tests.faults.storm_provider import PAGE
from tests.faults.storm_trades import go_on_with_trade, open_trade
from tests.faults.storm_turn import RECENT, Turn
from tests.payments.money_in import post, raw_of
from tests.payments.payouts.stories import let_the_lease_end, make_due
from tests.withdrawals.stories import quote, terms
from wallets.accounts import CLEARING, platform_account, user_account
from wallets.actions.approve_withdrawal import approve_withdrawal
from wallets.actions.cancel_withdrawal import cancel_withdrawal
from wallets.actions.change_withdrawal import change_withdrawal
from wallets.actions.fail_withdrawal import fail_withdrawal
from wallets.actions.reject_withdrawal import reject_withdrawal
from wallets.actions.request_withdrawal import request_withdrawal
from wallets.actions.reverse_operation import reverse_operation
from wallets.actions.reverse_withdrawal import reverse_withdrawal
from wallets.actions.settle_withdrawal import settle_withdrawal
from wallets.actions.transfer import transfer
from wallets.models import Operation
from wallets.money import Money
from wallets.withdrawal_states import WithdrawalStatus as S

_REASON = "looked at it"


def top_up(turn: Turn) -> None:
    """A payment to the own wallet, told by a signed webhook."""
    with transaction.atomic():
        intent = request_intent_within(
            payer=turn.person(),
            purpose="wallet",
            reference=turn.key,
            price=turn.money(20_00, 90_00),
            method=PayMethod("sandbox", "USDT", "TRC20"),
            quote=Quote("USDT", "USD", Decimal(1), "test", clock.real_now(), "main"),
            expires_at=clock.now() + timedelta(hours=1),
            request_key=turn.key,
        )
        Intent.objects.filter(pk=intent.pk, status=IntentStatus.REQUESTED).update(
            status=IntentStatus.OPEN, provider_payment_id=f"pay_{turn.key}", address=f"SANDBOX{turn.key}"
        )
    intent.refresh_from_db()
    assert post(raw_of(intent, id=f"evt_{turn.key}")).status_code == 200


def give(turn: Turn) -> None:
    """A gift of the house."""
    _moved(f"{turn.key}:gift", turn.person(), turn.money(50_00, 250_00))


def take_gift_back(turn: Turn) -> None:
    """The gift was booked in error: it goes back when it is still there."""
    gifts = list(Operation.objects.filter(kind="gift", reversals=None).order_by("-pk")[:RECENT])
    if gifts:
        reverse_operation(actor=None, operation_id=turn.chance.choice(gifts).pk, reason="booked in error")


def request(turn: Turn) -> None:
    owner, amount = turn.person(), turn.money(2_00, 300_00)
    request_withdrawal(
        actor=owner,
        request_key=turn.key,
        destination_id=turn.chance.choice(list(owner.destinations.order_by("pk"))).pk,
        amount=amount,
        terms=terms(amount.plain(), fee="0.50", network_fee="0.10"),
    )


def change(turn: Turn) -> None:
    found = turn.withdrawal(S.PENDING_APPROVAL)
    if found:
        change_withdrawal(
            actor=found.owner,
            withdrawal_id=found.pk,
            destination_id=turn.chance.choice(list(found.owner.destinations.order_by("pk"))).pk,
            terms=terms(found.amount.plain(), fee="0.50", network_fee="0.20"),
        )


def cancel(turn: Turn) -> None:
    found = turn.withdrawal(S.PENDING_APPROVAL)
    if found:
        cancel_withdrawal(actor=found.owner, withdrawal_id=found.pk)


def approve(turn: Turn) -> None:
    """One of the staff agrees; above the limit another one must too."""
    found = turn.withdrawal(S.PENDING_APPROVAL)
    if found:
        approve_withdrawal(
            actor=turn.chance.choice(turn.staff),
            withdrawal_id=found.pk,
            revision=found.revision,
            reason=_REASON,
            payout=quote(found),
        )


def reject(turn: Turn) -> None:
    found = turn.withdrawal(S.PENDING_APPROVAL)
    if found:
        staff = turn.chance.choice(turn.staff)
        reject_withdrawal(actor=staff, withdrawal_id=found.pk, revision=found.revision, reason=_REASON)


def send(turn: Turn) -> None:
    """A sender's turn, after the pause that a refusal brought."""
    found = turn.withdrawal(S.PROCESSING)
    if found:
        make_due(found)
        send_payout(actor=None, withdrawal_id=found.pk)


def ask(turn: Turn) -> None:
    """A look-up; what was paid is asked about too, for it may be taken back."""
    found = turn.withdrawal(S.SENT, S.UNKNOWN, S.COMPLETED)
    attempt = found and found.payout_attempts.order_by("-number").first()
    if attempt:
        ask_payout(actor=None, attempt_id=attempt.pk)


def lose_lease(turn: Turn) -> None:
    """A sender takes longer than its lease, or is dead."""
    attempt = PayoutAttempt.objects.filter(lease_until__gt=clock.real_now()).select_related("withdrawal").first()
    if attempt:
        let_the_lease_end(attempt.withdrawal)


def say_what_became_of_it(turn: Turn) -> None:
    """Two people look into the provider's pages and say what they see."""
    found = turn.withdrawal(S.SENT, S.UNKNOWN, S.COMPLETED)
    if not found:
        return
    try:
        seen = http.request("GET", f"{settings.SANDBOX_URL}/pages/{found.public_id}{PAGE}").json()["status"]
    except http.HTTPError:
        return  # the page does not open
    for person in turn.chance.sample(turn.staff, 2):
        said = {"actor": person, "withdrawal_id": found.pk, "reason": _REASON}
        if seen == "paid":
            settle_withdrawal(**said, provider_reference=f"po_{found.public_id}")
        elif seen == "failed":
            fail_withdrawal(**said)
        elif seen == "reversed":
            reverse_withdrawal(**said, provider_reference=f"po_{found.public_id}")


# How often of a hundred.
ACTS: dict[Callable[[Turn], None], int] = {
    give: 7,
    top_up: 5,
    take_gift_back: 2,
    open_trade: 5,
    go_on_with_trade: 9,
    request: 16,
    change: 2,
    cancel: 2,
    approve: 16,
    reject: 1,
    send: 16,
    ask: 13,
    lose_lease: 3,
    say_what_became_of_it: 3,
}


def _moved(key: str, person: User, money: Money) -> None:
    transfer(
        actor=None,
        key=key,
        source=platform_account(CLEARING, "USD", "bank"),
        target=user_account(person.pk, "USD"),
        money=money,
        kind="gift",
    )

"""What people, staff and senders do in a storm: small acts on wallets, chosen by chance, each repeatable under its key.

An act that is refused has been tried; whatever else is raised is the test's failure.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from escrows.actions.accept import accept_escrow
from escrows.actions.cancel import cancel_escrow
from escrows.actions.create import create_escrow
from escrows.actions.decline import decline_escrow
from escrows.actions.invite import make_invite
from escrows.actions.join import join_escrow
from escrows.actions.mark_delivered import mark_delivered
from escrows.actions.pay_from_wallet import pay_from_wallet
from escrows.actions.release import release_escrow
from escrows.models import Escrow, Side
from escrows.preview import payment_preview, refund_preview, release_preview
from escrows.states import LIVE, Status
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
from wallets.models import Operation, Withdrawal
from wallets.money import Money
from wallets.withdrawal_states import WithdrawalStatus as S

_RECENT = 30  # one of the last so many is picked: old stories come to rest, and rivals meet
_REASON = "looked at it"


@dataclass(frozen=True)
class Turn:
    """One action: `key` names it for ever, also when it is done again by whoever takes over from a killed worker."""

    key: str
    chance: random.Random
    people: list[User]
    staff: list[User]

    def person(self) -> User:
        return self.chance.choice(self.people)

    def money(self, least: int, most: int) -> Money:
        return Money(self.chance.randint(least, most), "USD")

    def withdrawal(self, *statuses: S) -> Withdrawal | None:
        """One of the newest in these states."""
        rows = Withdrawal.objects.filter(status__in=statuses).select_related("owner").order_by("-pk")[:_RECENT]
        found = list(rows)
        return self.chance.choice(found) if found else None


def everybody() -> tuple[list[User], list[User]]:
    """The people of the storm and the staff, in an order that never changes."""
    people = User.objects.filter(username__startswith="storm").order_by("pk")
    return list(people), list(User.objects.filter(is_staff=True).order_by("pk"))


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
    gifts = list(Operation.objects.filter(kind="gift", reversals=None).order_by("-pk")[:_RECENT])
    if gifts:
        reverse_operation(actor=None, operation_id=turn.chance.choice(gifts).pk, reason="booked in error")


def open_trade(turn: Turn) -> None:
    """Two people agree, and the buyer pays from the wallet."""
    buyer, seller = turn.chance.sample(turn.people, 2)
    escrow = create_escrow(
        actor=buyer,
        side=Side.BUYER,
        price=turn.money(5_00, 60_00),
        description="A lamp",
        delivery_hours=48,
        fee_payer=turn.chance.choice(["buyer", "seller", "split"]),
        request_key=turn.key,
    )
    if escrow.seller_id is None:
        escrow = join_escrow(actor=seller, token=make_invite(actor=buyer, escrow_id=escrow.pk))
    pay_from_wallet(actor=buyer, escrow_id=escrow.pk, digest=payment_preview(escrow).digest)


def go_on_with_trade(turn: Turn) -> None:
    """The next step of a trade, or its end."""
    rows = Escrow.objects.filter(status__in=sorted(LIVE), seller__isnull=False).order_by("-pk")
    found = list(rows.select_related("buyer", "seller")[:_RECENT])
    if found:
        escrow = turn.chance.choice(found)
        turn.chance.choice(_STEPS[Status(escrow.status)])(escrow)


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


def _cancel_trade(escrow: Escrow) -> None:
    cancel_escrow(actor=escrow.buyer, escrow_id=escrow.pk, digest=refund_preview(escrow).digest)


def _release(escrow: Escrow) -> None:
    release_escrow(actor=escrow.buyer, escrow_id=escrow.pk, digest=release_preview(escrow).digest)


def _accept(escrow: Escrow) -> None:
    accept_escrow(actor=escrow.seller, escrow_id=escrow.pk)


def _decline(escrow: Escrow) -> None:
    decline_escrow(actor=escrow.seller, escrow_id=escrow.pk)


def _deliver(escrow: Escrow) -> None:
    mark_delivered(actor=escrow.seller, escrow_id=escrow.pk)


def _pay(escrow: Escrow) -> None:
    pay_from_wallet(actor=escrow.buyer, escrow_id=escrow.pk, digest=payment_preview(escrow).digest)


_STEPS: dict[Status, list[Callable[[Escrow], None]]] = {
    Status.CREATED: [_pay, _pay, _cancel_trade],
    Status.PAYMENT_CONFIRMED: [_accept, _accept, _accept, _decline, _cancel_trade],
    Status.ACTIVE: [_deliver, _release, _release, _cancel_trade],
    Status.DELIVERED: [_release],
}

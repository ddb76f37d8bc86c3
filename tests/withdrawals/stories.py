"""Withdrawals in every state, brought about by the acts themselves. Bea takes money out; Olu and Ada decide."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from lockbay import clock
from lockbay.events.models import Event
from lockbay.people.models import User
from lockbay.people.roles import OPERATOR
from tests import cast
from tests.cast import usd
from wallets.accounts import AVAILABLE, withdrawal_hold
from wallets.actions.approve_withdrawal import approve_withdrawal
from wallets.actions.cancel_withdrawal import cancel_withdrawal
from wallets.actions.destinations import add_destination
from wallets.actions.reject_withdrawal import reject_withdrawal
from wallets.actions.request_withdrawal import request_withdrawal
from wallets.models import Destination, Operation, Withdrawal
from wallets.money import Money, parse_money
from wallets.queries import balance_of
from wallets.quoting import PayoutQuote, WithdrawalTerms
from wallets.withdrawal_moving import lock_withdrawal
from wallets.withdrawal_states import WithdrawalStatus
from wallets.withdrawal_steps import (
    fail_within,
    mark_sent_within,
    mark_unknown_within,
    reverse_within,
    settle_within,
)

S = WithdrawalStatus
_numbers = count(1)
REASON = "checked the history"


def ada() -> User:
    """The second operator: staff in that group and nothing more."""
    person, is_new = User.objects.get_or_create(
        username="ada", defaults={"first_name": "Ada", "is_staff": True, "email": "ada@lockbay.example"}
    )
    if is_new:
        person.groups.add(Group.objects.get_or_create(name=OPERATOR)[0])
    return person


def third() -> User:
    """One more operator."""
    person, is_new = User.objects.get_or_create(username="uma", defaults={"first_name": "Uma", "is_staff": True})
    if is_new:
        person.groups.add(Group.objects.get_or_create(name=OPERATOR)[0])
    return person


def a_destination(owner: User, *, address: str = "", rail: str = "sandbox", asset: str = "USDT") -> Destination:
    """Saved long enough ago to be paid."""
    target = address or f"TAddress{next(_numbers):06d}"
    destination = add_destination(
        actor=owner,
        rail=rail,
        payout_asset=asset,
        network="TRC20",
        label="my wallet",
        details={"address": target},
        fingerprint=f"{rail}:{target}",
    )
    Destination.objects.filter(pk=destination.pk).update(usable_at=clock.now() - timedelta(seconds=1))
    destination.refresh_from_db()
    return destination


def terms(
    amount: str = "50.00", *, fee: str = "1.00", network_fee: str = "0.40", asset: str = "USDT"
) -> WithdrawalTerms:
    """One to one, less the fees."""
    net = usd(amount) - usd(fee) - usd(network_fee)
    return WithdrawalTerms(usd(fee), usd(network_fee), parse_money(net.plain(), asset), "1", "test", clock.now())


def quote(withdrawal: Withdrawal) -> PayoutQuote:
    """What the terms said."""
    return PayoutQuote(withdrawal.estimate, "1", "test", clock.now())


def a_request(
    amount: str = "50.00", *, owner: User | None = None, destination: Destination | None = None, **more: Any
) -> Withdrawal:
    """Bea asks, having exactly as much as it takes."""
    owner = owner or cast.bea()
    if more.pop("is_given", True):
        cast.give(owner, amount, kind=more.get("account_kind", AVAILABLE))
    destination = destination or a_destination(owner)
    return request_withdrawal(
        actor=owner,
        request_key=more.pop("request_key", f"withdraw:{next(_numbers)}"),
        destination_id=destination.pk,
        amount=usd(amount),
        terms=more.pop("terms", None) or terms(amount, asset=destination.payout_asset),
        **more,
    )


def approved(withdrawal: Withdrawal, actor: User | None = None, **more: Any) -> Withdrawal:
    """Approved by Olu as shown."""
    return approve_withdrawal(
        actor=actor or cast.olu(),
        withdrawal_id=withdrawal.pk,
        revision=more.get("revision", withdrawal.revision),
        reason=more.get("reason", REASON),
        payout=more.get("payout") or quote(withdrawal),
    )


def stepped(withdrawal: Withdrawal, step: Callable[..., None], **facts: Any) -> Withdrawal:
    """One of the *_within steps, in a transaction of its own."""
    with transaction.atomic():
        locked = lock_withdrawal(withdrawal.pk)
        step(locked, **facts)
    return locked


def sent(withdrawal: Withdrawal) -> Withdrawal:
    return stepped(withdrawal, mark_sent_within, provider_reference="P-1")


def unknown(withdrawal: Withdrawal) -> Withdrawal:
    return stepped(withdrawal, mark_unknown_within, reason="timed out")


def settled(withdrawal: Withdrawal) -> Withdrawal:
    return stepped(withdrawal, settle_within, actor=None, provider_reference="P-1")


def failed(withdrawal: Withdrawal) -> Withdrawal:
    return stepped(withdrawal, fail_within, actor=None, reason="no such account")


def reversed_(withdrawal: Withdrawal) -> Withdrawal:
    return stepped(withdrawal, reverse_within, actor=None, reason="returned by the bank")


def _awaiting(**more: Any) -> Withdrawal:
    destination = a_destination(more.get("owner") or cast.bea(), rail="kraken")
    return approved(a_request(destination=destination, **more))


def _rejected(**more: Any) -> Withdrawal:
    request = a_request(**more)
    return reject_withdrawal(actor=cast.olu(), withdrawal_id=request.pk, revision=1, reason="looks stolen")


BUILDERS: dict[WithdrawalStatus, Callable[..., Withdrawal]] = {
    S.PENDING_APPROVAL: a_request,
    S.AWAITING_REGISTRATION: _awaiting,
    S.PROCESSING: lambda **more: approved(a_request(**more)),
    S.SENT: lambda **more: sent(approved(a_request(**more))),
    S.UNKNOWN: lambda **more: unknown(approved(a_request(**more))),
    S.COMPLETED: lambda **more: settled(approved(a_request(**more))),
    S.REVERSED: lambda **more: reversed_(settled(approved(a_request(**more)))),
    S.REJECTED: _rejected,
    S.CANCELLED: lambda **more: cancel_withdrawal(actor=cast.bea(), withdrawal_id=a_request(**more).pk),
    S.FAILED: lambda **more: failed(approved(a_request(**more))),
}


def a_withdrawal_in(status: WithdrawalStatus, **more: Any) -> Withdrawal:
    """Bea's withdrawal of 50.00 in any status."""
    withdrawal = BUILDERS[status](**more)
    withdrawal.refresh_from_db()
    assert withdrawal.status == status
    return withdrawal


def held_for(withdrawal: Withdrawal) -> Money:
    """What is on its own hold."""
    return balance_of(withdrawal_hold(withdrawal.public_id, withdrawal.asset))


def snapshot_of(withdrawal: Withdrawal) -> dict[str, Any]:
    """Everything a refused act must leave as it was."""
    row = Withdrawal.objects.filter(pk=withdrawal.pk).values().get()
    return {
        "row": row,
        "events": Event.objects.filter(subject_type__in=["withdrawal", "destination"]).count(),
        "operations": Operation.objects.count(),
        "approvals": withdrawal.approvals.count() + withdrawal.outcome_votes.count(),
    }


def kinds_of(withdrawal: Withdrawal) -> list[str]:
    """Its story, in order."""
    about = Event.objects.filter(subject_type="withdrawal", subject_id=withdrawal.pk)
    return list(about.order_by("seq").values_list("kind", flat=True))

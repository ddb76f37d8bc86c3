"""Gives money that waits in suspense to the request it belongs to (P12), by an operation."""

from decimal import Decimal
from typing import TYPE_CHECKING

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from payments.actions.credit_deposit import credit_deposits_within
from payments.errors import AssignRefused
from payments.folded import Credit
from payments.models import Deposit, Intent
from payments.rates.errors import RateUnavailable
from payments.rates.quotes import quote_of
from payments.states import DepositState
from payments.valuation import WorthTooMuch, value_of
from wallets.money import Money

if TYPE_CHECKING:
    from lockbay.people.models import User


def assign_deposit_within(*, actor: "User", deposit_id: int, intent_key: str, reason: str) -> Deposit:
    """Moves a deposit from suspense to the purpose of the request `intent_key` (its public id), at the rates' rules:
    the request's own rate for its coin in time, a fresh one otherwise. Inside the caller's transaction.

    Raises: AssignRefused; what the purpose's handler or the ledger refuses.
    """
    intent, deposit = _locked(intent_key, deposit_id)
    value = _valued(deposit, intent)
    deposit.save(update_fields=["intent", "credits", "is_late", "value_minor", "value_rate"])
    _posted, events = credit_deposits_within([Credit(deposit, intent, value, verdict=None, is_suspended=True)])
    record([*events, _assigned(actor, deposit, intent, value, reason)])
    return deposit


def _locked(intent_key: str, deposit_id: int) -> tuple[Intent, Deposit]:
    intent = Intent.objects.filter(public_id=intent_key.strip()).select_for_update(no_key=True).first()
    if intent is None:
        raise AssignRefused("unknown_request")
    deposit = Deposit.objects.filter(pk=deposit_id).select_for_update(no_key=True).first()
    if deposit is None:
        raise AssignRefused("not_found")
    if deposit.intent_id is not None or deposit.state != DepositState.CONFIRMED:
        raise AssignRefused("assigned_already")
    return intent, deposit


def _valued(deposit: Deposit, intent: Intent) -> Money:
    is_late = deposit.first_seen_at > intent.expires_at
    try:
        is_frozen = deposit.asset == intent.pay_asset and not is_late
        rate = Decimal(intent.rate) if is_frozen else quote_of(deposit.asset, intent.price_asset).rate
        value = value_of(deposit.money, rate, intent.price_asset)
    except RateUnavailable as error:
        raise AssignRefused("rate_unavailable") from error
    except WorthTooMuch as error:
        raise AssignRefused("amount_out_of_range") from error
    if not value:
        raise AssignRefused("worth_nothing")
    deposit.intent, deposit.credits, deposit.is_late = intent, deposit.credits + 1, is_late
    deposit.value_minor, deposit.value_rate = value.minor, str(rate)
    return value


def _assigned(actor: "User", deposit: Deposit, intent: Intent, value: Money, reason: str) -> NewEvent:
    return NewEvent(
        kind=Kind.DEPOSIT_ASSIGNED,
        subject_type="deposit",
        subject_id=deposit.pk,
        actor_id=actor.pk,
        data={
            "user_id": intent.payer_id,
            "intent": intent.public_id,
            "received": str(deposit.money),
            "value": str(value),
            "rate": deposit.value_rate,
            "reason": reason.strip()[:500],
        },
    )

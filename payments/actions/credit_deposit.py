"""Credits confirmed deposits: asks each purpose for its plan, moves its statuses, posts everything at once (E7)."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

from django.db import connection

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from payments.errors import PlanIncomplete
from payments.folded import Credit
from payments.interpreting import Verdict
from payments.models import Deposit
from payments.purposes import CreditedDeposit, Plan, handler_of
from payments.sources import clearing_of, dust_legs, source_legs
from payments.suspense import suspense_legs, suspense_of
from wallets import ledger
from wallets.accounts import AccountCode
from wallets.ledger import NewOperation
from wallets.models import Operation

_LONGEST_REFERENCE = 128


def credit_deposits_within(
    confirmed: Sequence[Credit], *, suspended: Sequence[tuple[Deposit, Verdict]] = ()
) -> tuple[list[Operation], list[NewEvent]]:
    """Credits deposits whose rows are saved and locked, inside the caller's transaction; returns what was posted and
    the
    events that the caller still has to record. The number of statements does not depend on the number of deposits.

    `suspended` are deposits without an intent: they are booked as nobody's (P12).
    Raises: UnknownPurpose, PlanIncomplete, and whatever a handler or the ledger refuses.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("Deposits are credited inside a transaction only.")
    worthy = sorted((credit for credit in confirmed if credit.value), key=lambda credit: credit.intent.purpose)
    plans = [
        _plan_of(purpose, list(group)) for purpose, group in groupby(worthy, key=lambda credit: credit.intent.purpose)
    ]
    for plan in plans:
        plan.apply()
    dust = [_dust_operation(credit) for credit in confirmed if not credit.value]
    kept = [_suspense_operation(deposit) for deposit, _ in suspended]
    posted = ledger.post([*(operation for plan in plans for operation in plan.operations), *dust, *kept])
    for deposit, verdict in [*((credit.deposit, credit.verdict) for credit in confirmed), *suspended]:
        if verdict is not None:
            verdict.operations.append(credit_key_of(deposit))
    told = [_suspended_event(deposit, verdict) for deposit, verdict in suspended]
    return posted, [*(event for plan in plans for event in plan.events), *told]


def credit_key_of(deposit: Deposit) -> str:
    """The idempotency key of a deposit's latest credit (P7)."""
    return f"deposit:{deposit.pk}:credit:{deposit.credits}"


def _plan_of(purpose: str, confirmed: list[Credit]) -> Plan:
    handler = handler_of(purpose)
    locked = handler.lock(sorted({credit.intent.reference for credit in confirmed}))
    plan = handler.plan(locked, [_credited(credit) for credit in confirmed])
    planned = Counter(operation.key for operation in plan.operations)
    missing = [credit_key_of(credit.deposit) for credit in confirmed if planned[credit_key_of(credit.deposit)] != 1]
    if missing:
        raise PlanIncomplete(purpose, missing)
    return plan


def _credited(credit: Credit) -> CreditedDeposit:
    deposit = credit.deposit
    assert deposit.confirmed_at is not None  # noqa: S101  set by the fold in the same breath as the state
    return CreditedDeposit(
        deposit_id=deposit.pk,
        intent=credit.intent,
        received=deposit.money,
        value=credit.value,
        is_late=deposit.is_late,
        seen_at=deposit.first_seen_at,
        confirmed_at=deposit.confirmed_at,
        credit_key=credit_key_of(deposit),
        reference=reference_of(deposit),
        source_legs=source_legs(deposit.money, credit.value, source=_source_of(credit)),
        is_again=deposit.times_vanished > 0,
        correlation_id="" if credit.verdict is None else credit.verdict.row.correlation_id,
        unknown_for=max(clock.now() - deposit.confirmed_at, timedelta(0)) if deposit.by_hand else timedelta(0),
    )


def _source_of(credit: Credit) -> AccountCode:
    received = credit.deposit.money
    return suspense_of(received) if credit.is_suspended else clearing_of(credit.deposit)


def _dust_operation(credit: Credit) -> NewOperation:
    """Less than a cent came: the coin is booked where it is, and nobody is owed anything for it."""
    return NewOperation(
        kind="deposit_dust",
        key=credit_key_of(credit.deposit),
        legs=dust_legs(credit.deposit),
        reference=reference_of(credit.deposit),
    )


def _suspense_operation(deposit: Deposit) -> NewOperation:
    return NewOperation(
        kind="deposit_suspended",
        key=credit_key_of(deposit),
        legs=suspense_legs(deposit),
        reference=reference_of(deposit),
    )


def _suspended_event(deposit: Deposit, verdict: Verdict) -> NewEvent:
    return NewEvent(
        kind=Kind.DEPOSIT_SUSPENDED,
        subject_type="deposit",
        subject_id=deposit.pk,
        data={"received": str(deposit.money), "provider": deposit.provider, "reference": reference_of(deposit)},
        correlation_id=verdict.row.correlation_id,
    )


def reference_of(deposit: Deposit) -> str:
    """What finds the payment outside our house: the transaction id, else the provider's payment id; 128 characters at
    most."""
    candidates = (deposit.txid, deposit.provider_payment_id, f"deposit-{deposit.pk}")
    return next(text for text in candidates if text and len(text) <= _LONGEST_REFERENCE)

"""Undoes the credits of deposits that vanished from their chain (P7): one operation a deposit, which names the credit
that it reverses. The credit itself stays in the books; when the payment is confirmed again, a new one follows."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from django.db import connection

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent
from payments.actions.credit_deposit import credit_key_of, reference_of
from payments.errors import PlanIncomplete
from payments.folded import Vanished
from payments.models import Deposit
from payments.purposes import Plan, VanishedDeposit, handler_of
from payments.sources import clearing_of, dust_legs, source_legs
from payments.suspense import suspense_legs
from wallets import ledger
from wallets.accounts import AccountCode, user_account
from wallets.debts import loss_account
from wallets.ledger import Leg, NewOperation
from wallets.models import Operation
from wallets.money import Money


def take_back_within(vanished: Sequence[Vanished]) -> tuple[list[Operation], list[NewEvent]]:
    """Takes back the latest credit of deposits whose rows are saved and locked, inside the caller's transaction;
    returns what was posted and the events that the caller still has to record.

    Money that a purpose got goes the way its handler says; suspense and dust go back whole.
    Raises: UnknownPurpose, PlanIncomplete, and whatever a handler or the ledger refuses.
    """
    if not vanished:
        return [], []
    if not connection.in_atomic_block:
        raise RuntimeError("Deposits are taken back inside a transaction only.")
    credited = _credited_by(vanished)
    worthy = sorted((one for one in vanished if one.value), key=_purpose_of)
    plans = [_plan_of(purpose, list(group), credited) for purpose, group in groupby(worthy, key=_purpose_of)]
    for plan in plans:
        plan.apply()
    whole = [_whole_operation(one.deposit, credited, is_kept=one.intent is None) for one in vanished if not one.value]
    operations = [*(operation for plan in plans for operation in plan.operations), *whole]
    posted = ledger.post(operations)
    by_key = {operation.key: operation for operation in operations}
    for one in vanished:
        one.verdict.operations.append(uncredit_key_of(one.deposit))
    told = [_vanished_event(one, by_key[uncredit_key_of(one.deposit)]) for one in vanished]
    return posted, [*(event for plan in plans for event in plan.events), *told]


def uncredit_key_of(deposit: Deposit) -> str:
    """The idempotency key under which a deposit's latest credit is taken back."""
    return f"deposit:{deposit.pk}:uncredit:{deposit.credits}"


def _credited_by(vanished: Sequence[Vanished]) -> dict[str, int]:
    """The ids of the operations that are reversed, by key."""
    keys = {credit_key_of(one.deposit) for one in vanished}
    found = dict(Operation.objects.filter(key__in=sorted(keys)).values_list("key", "id"))
    if found.keys() != keys:
        raise PlanIncomplete("credits", sorted(keys - found.keys()))
    return found


def _purpose_of(one: Vanished) -> str:
    return "" if one.intent is None else one.intent.purpose


def _plan_of(purpose: str, vanished: list[Vanished], credited: dict[str, int]) -> Plan:
    handler = handler_of(purpose)
    deposits = [_described(one, credited) for one in vanished]
    locked = handler.lock(sorted({deposit.intent.reference for deposit in deposits}))
    plan = handler.take_back(locked, deposits)
    planned = Counter((operation.key, operation.reverses_id) for operation in plan.operations)
    missing = [deposit.key for deposit in deposits if planned[deposit.key, deposit.reverses_id] != 1]
    if missing:
        raise PlanIncomplete(purpose, missing)
    return plan


def _described(one: Vanished, credited: dict[str, int]) -> VanishedDeposit:
    deposit, intent, value = one.deposit, one.intent, one.value
    assert intent is not None and value is not None  # noqa: S101, PT018  only deposits of an intent have a value
    return VanishedDeposit(
        deposit_id=deposit.pk,
        intent=intent,
        received=deposit.money,
        value=value,
        is_late=deposit.is_late,
        credit_key=credit_key_of(deposit),
        key=uncredit_key_of(deposit),
        reverses_id=credited[credit_key_of(deposit)],
        reference=reference_of(deposit),
        # Clearing also where it came out of suspense: it had left that for good, and the coin is gone from the chain.
        source_legs=_opposite(source_legs(deposit.money, value, source=clearing_of(deposit))),
    )


def _whole_operation(deposit: Deposit, credited: dict[str, int], *, is_kept: bool) -> NewOperation:
    """Takes back what nobody got: money in suspense (`is_kept`), or dust."""
    return NewOperation(
        kind="suspended_taken_back" if is_kept else "dust_taken_back",
        key=uncredit_key_of(deposit),
        legs=_opposite(suspense_legs(deposit) if is_kept else dust_legs(deposit)),
        reference=reference_of(deposit),
        reverses_id=credited[credit_key_of(deposit)],
    )


def _opposite(legs: Sequence[Leg]) -> tuple[Leg, ...]:
    return tuple((code, -money) for code, money in legs)


def _vanished_event(one: Vanished, operation: NewOperation) -> NewEvent:
    """Amounts are text, "" for nothing; `user_id` is None while the money is nobody's."""
    data: dict[str, object] = dict.fromkeys(("value", "from_available", "debt", "purpose", "reference"), "")
    data["user_id"] = None
    if one.intent is not None and one.value is not None:
        payer, asset = one.intent.payer_id, one.value.asset
        data = {
            "user_id": payer,
            "value": str(one.value),
            "from_available": _taken_from(user_account(payer, asset), operation),
            "debt": _taken_from(loss_account(payer, asset), operation),
            "purpose": one.intent.purpose,
            "reference": one.intent.reference,
        }
    deposit = one.deposit
    return NewEvent(
        kind=Kind.DEPOSIT_VANISHED,
        subject_type="deposit",
        subject_id=deposit.pk,
        data={**data, "received": str(deposit.money), "cause": one.cause, "txid": deposit.txid},
        correlation_id=one.verdict.row.correlation_id,
    )


def _taken_from(code: AccountCode, operation: NewOperation) -> str:
    taken = sum((-money for account, money in operation.legs if account == code), Money(0, code.asset))
    return str(taken) if taken.minor > 0 else ""

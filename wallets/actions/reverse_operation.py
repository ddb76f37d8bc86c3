"""Corrects a posting: a new operation with the opposite legs that names the one it reverses (B2)."""

from django.db import transaction

from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.people.models import User
from wallets import ledger
from wallets.accounts import AccountCode
from wallets.ledger import Leg, NewOperation
from wallets.models import Entry, Operation
from wallets.money import Money


def reverse_operation(*, actor: User | None, operation_id: int, reason: str) -> Operation:
    """Posts the opposite of an operation, once; repeating it returns the first reversal.

    Raises: InsufficientFunds when the money has been spent already; Operation.DoesNotExist.
    """
    with transaction.atomic(durable=True):
        return reverse_operation_within(actor=actor, operation_id=operation_id, reason=reason)


def reverse_operation_within(*, actor: User | None, operation_id: int, reason: str) -> Operation:
    """The same inside the caller's transaction."""
    # Locked, so that of two who reverse it at once the second sees the first one's posting.
    original = Operation.objects.select_for_update(no_key=True).get(pk=operation_id)
    reversal = NewOperation(
        kind="reversal",
        key=f"reverse:{original.key}",
        legs=opposite_legs(original),
        reference=original.reference,
        memo=reason[:200],
        reverses_id=original.pk,
    )
    is_repeated = Operation.objects.filter(key=reversal.key).exists()
    posted = ledger.post([reversal])[0]
    if not is_repeated:
        record(
            [
                NewEvent(
                    kind=Kind.OPERATION_REVERSED,
                    subject_type="operation",
                    subject_id=original.pk,
                    actor_id=actor.pk if actor else None,
                    data={"key": original.key, "reversal": posted.key, "reason": reason},
                )
            ]
        )
    return posted


def opposite_legs(operation: Operation) -> tuple[Leg, ...]:
    """The operation's legs with their signs turned, in the order they were posted."""
    entries = Entry.objects.filter(operation=operation).select_related("account").order_by("pk")
    return tuple((_code_of(entry), Money(-entry.amount, entry.asset)) for entry in entries)


def _code_of(entry: Entry) -> AccountCode:
    account = entry.account
    return AccountCode(kind=account.kind, asset=account.asset, owner_id=account.owner_id, reference=account.reference)

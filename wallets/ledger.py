"""The ledger's one door: post() is the only writer of balances, operations and entries (B2-B6).

A call costs the same number of statements whatever its length:

1. lock the floored accounts touched, in primary-key order (missing ones are opened);
2. INSERT the operations ordered by key, ON CONFLICT DO NOTHING: this waits for a rival that posts the same key;
3. only when some keys existed: read them and compare the digests of their legs;
4. in memory, in order: add the new operations' legs, refuse the first that breaks a floor;
5. write the balances in one statement and the entries in one, in order.

Only when somebody's available account owes and has risen, a further operation moves what came in to the debt (P7): the
account is locked already and says itself that it owes, so nobody else pays a statement for it.

All or nothing: whatever is raised, the innermost atomic block is marked for rollback before the error leaves.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.setsql import insert_new, update_each
from wallets.account_rows import lock_floored, platform_account_ids
from wallets.accounts import FLOORED_KINDS, AccountCode, user_account
from wallets.debts import COLLECTED, debtor_account, loss_account
from wallets.errors import IdempotencyConflict, PostedOutsideTransaction, UnbalancedOperation
from wallets.models import Account, Entry, Operation
from wallets.money import Money
from wallets.posted import note_posted
from wallets.running import Running

Leg = tuple[AccountCode, Money]


@dataclass(frozen=True)
class NewOperation:
    """An operation about to be posted. `key` is unique for ever: purpose and subject, e.g. "escrow:ES…:release"
    (B5)."""

    kind: str
    key: str
    legs: tuple[Leg, ...]
    reference: str = ""
    memo: str = ""
    reverses_id: int | None = None

    def digest(self) -> str:
        """What makes two operations with one key the same: kind, what it reverses, and the legs in any order."""
        legs = sorted([str(code), money.minor, money.asset] for code, money in self.legs)
        return hashlib.sha256(json.dumps([self.kind, self.reverses_id, legs]).encode()).hexdigest()


_Row = tuple[int, int, str, int, int | None]  # of an entry


def post(operations: Sequence[NewOperation]) -> list[Operation]:
    """Posts the operations in the order given and returns them; those whose key exists already are returned as first
    posted.

    Raises: InsufficientFunds (a floor), IdempotencyConflict (a known key with other legs), UnbalancedOperation,
    PostedOutsideTransaction. Nothing of the innermost atomic block persists then.
    """
    if not connection.in_atomic_block:
        raise PostedOutsideTransaction([operation.key for operation in operations])
    if not operations:
        return []
    try:
        return _post(operations)
    except BaseException:
        transaction.set_rollback(True)
        raise


def lock_balances(codes: Iterable[AccountCode]) -> dict[AccountCode, Money]:
    """Locks floored accounts in primary-key order, opening missing ones, and returns what they hold.

    Raises: PostedOutsideTransaction; ValueError for an account without a floor.
    """
    if not connection.in_atomic_block:
        raise PostedOutsideTransaction([str(code) for code in codes])
    wanted = {str(code): code for code in codes}
    if any(code.kind not in FLOORED_KINDS for code in wanted.values()):
        raise ValueError("Only floored accounts are locked.")
    return {wanted[row.code]: Money(row.balance, row.asset) for row in lock_floored(wanted).values()}


def _post(operations: Sequence[NewOperation]) -> list[Operation]:
    first_by_key = _first_by_key(operations)
    codes = {str(code): code for operation in first_by_key.values() for code, _ in operation.legs}
    debtors = {str(debtor): debtor for code in codes.values() if (debtor := debtor_account(code))}
    floored = lock_floored({text: code for text, code in codes.items() if code.kind in FLOORED_KINDS} | debtors)
    platform = platform_account_ids({text: code for text, code in codes.items() if code.kind not in FLOORED_KINDS})
    stored, fresh = _insert_operations(first_by_key)
    entries = [
        entry
        for key, operation in first_by_key.items()
        if key in fresh
        for entry in _entries_of(operation, stored[key].pk, floored, platform)
    ]
    entries += _collect_debts(floored)
    _write_balances([row for row in floored.values() if row.is_touched])
    _insert_entries(entries)
    note_posted(entry[0] for entry in entries)
    return [stored[operation.key] for operation in operations]


def _first_by_key(operations: Sequence[NewOperation]) -> dict[str, NewOperation]:
    first: dict[str, NewOperation] = {}
    for operation in operations:
        _require_balanced(operation)
        known = first.setdefault(operation.key, operation)
        if known is not operation and known.digest() != operation.digest():
            raise IdempotencyConflict(operation.key)
    return first


def _require_balanced(operation: NewOperation) -> None:
    totals: dict[str, int] = defaultdict(int)
    for code, money in operation.legs:
        if code.asset != money.asset or not money:
            raise UnbalancedOperation(operation.key, money.asset, money.minor)
        totals[money.asset] += money.minor
    for asset, total in totals.items():
        if total:
            raise UnbalancedOperation(operation.key, asset, total)
    if len(operation.legs) < 2:
        raise UnbalancedOperation(operation.key, "", 0)


def _insert_operations(operations: dict[str, NewOperation]) -> tuple[dict[str, Operation], set[str]]:
    now = clock.now()
    rows: list[dict[str, Any]] = [
        {
            "kind": operation.kind,
            "key": key,
            "reference": operation.reference,
            "memo": operation.memo,
            "digest": operation.digest(),
            "reverses_id": operation.reverses_id,
            "posted_at": now,
        }
        for key, operation in sorted(operations.items())
    ]
    ids = dict(insert_new(Operation, rows, unique="key", returning=["key", "id"]))
    stored = {row["key"]: Operation(id=ids[row["key"]], **row) for row in rows if row["key"] in ids}
    repeated = operations.keys() - ids.keys()
    if repeated:
        for known in Operation.objects.filter(key__in=sorted(repeated)):
            if known.digest != operations[known.key].digest():
                raise IdempotencyConflict(known.key)
            stored[known.key] = known
    return stored, set(ids)


def _entries_of(
    operation: NewOperation, operation_id: int, floored: dict[str, Running], platform: dict[str, int]
) -> list[_Row]:
    entries: list[_Row] = []
    touched: dict[str, Running] = {}
    for code, money in operation.legs:
        text = str(code)
        if code.kind in FLOORED_KINDS:
            account = touched[text] = floored[text]
            entries.append((operation_id, account.id, money.asset, money.minor, account.add(money.minor)))
            continue
        entries.append((operation_id, platform[text], money.asset, money.minor, None))
        debtor = debtor_account(code)
        if debtor is not None:
            touched[str(debtor)] = floored[str(debtor)]
            floored[str(debtor)].add_loss(money.minor)
    for account in touched.values():
        account.end_operation(operation_id)
    return entries


def _collect_debts(floored: dict[str, Running]) -> list[_Row]:
    """Entries that move what came in to the debts of whoever owes; costs nothing when nobody does."""
    owing = [(_collecting(row), row) for row in floored.values() if row.owes and row.collectable]
    if not owing:
        return []
    operations = {new.key: new for new, _ in owing}
    losses = {str(code): code for new in operations.values() for code, _ in new.legs if code.kind not in FLOORED_KINDS}
    platform = platform_account_ids(losses)
    stored, _ = _insert_operations(operations)
    entries = [
        entry for key, new in operations.items() for entry in _entries_of(new, stored[key].pk, floored, platform)
    ]
    record([_collected_event(new, row) for new, row in owing])
    return entries


def _collecting(row: Running) -> NewOperation:
    assert row.owner_id is not None  # noqa: S101  only available accounts owe, and they have owners
    available, loss = user_account(row.owner_id, row.asset), loss_account(row.owner_id, row.asset)
    return NewOperation(
        kind=COLLECTED,
        key=f"debt:{loss.reference}:{row.asset}:collect:{row.raised_by}",
        legs=((available, -row.collectable), (loss, row.collectable)),
        memo=f"from operation {row.raised_by}",
    )


def _collected_event(new: NewOperation, row: Running) -> NewEvent:
    """Recorded after the legs were added: `owes` is what is left."""
    data = {
        "user_id": row.owner_id,
        "collected": str(new.legs[1][1]),
        "left": str(Money(row.owes, row.asset)) if row.owes else "",
        "key": new.key,
    }
    return NewEvent(Kind.DEBT_COLLECTED, "user", row.owner_id or 0, data=data)


def _write_balances(rows: list[Running]) -> None:
    has_debts = any(row.is_debt_touched for row in rows)
    update_each(
        Account,
        [{"id": row.id, "balance": row.balance, **({"owes": row.owes} if has_debts else {})} for row in rows],
    )


def _insert_entries(entries: list[_Row]) -> None:
    names = ("operation_id", "account_id", "asset", "amount", "balance_after")
    insert_new(Entry, [dict(zip(names, entry, strict=True)) for entry in entries])

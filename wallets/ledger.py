"""The ledger's one door: post() is the only writer of balances, operations and entries (B2-B6), and all account
locking lives here.

A call costs the same number of statements whatever its length:

1. lock the floored accounts touched, in primary-key order (missing ones are opened);
2. INSERT the operations ordered by key, ON CONFLICT DO NOTHING: this waits for a rival that posts the same key;
3. only when some keys existed: read them and compare the digests of their legs;
4. in memory, in order: add the new operations' legs, refuse the first that breaks a floor;
5. write the balances in one statement and the entries in one, in order.

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
from lockbay.setsql import insert_new, lock_each, update_each
from wallets.accounts import FLOORED_KINDS, AccountCode
from wallets.errors import IdempotencyConflict, InsufficientFunds, PostedOutsideTransaction, UnbalancedOperation
from wallets.models import Account, Entry, Operation
from wallets.money import Money

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


@dataclass
class _Locked:
    """A floored account under our lock; `balance` runs along as operations are added."""

    id: int
    code: str
    asset: str
    balance: int
    is_touched: bool = False


# Ids of the platform's accounts never change once committed; knowing them saves a statement a call.
_platform_ids: dict[str, int] = {}


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
    return {wanted[row.code]: Money(row.balance, row.asset) for row in _lock_floored(wanted).values()}


def forget_accounts() -> None:
    """Empties the cache of account ids; for tests that empty the tables."""
    _platform_ids.clear()


def _post(operations: Sequence[NewOperation]) -> list[Operation]:
    first_by_key = _first_by_key(operations)
    codes = {str(code): code for operation in first_by_key.values() for code, _ in operation.legs}
    floored = _lock_floored({text: code for text, code in codes.items() if code.kind in FLOORED_KINDS})
    platform = _platform_account_ids({text: code for text, code in codes.items() if code.kind not in FLOORED_KINDS})
    stored, fresh = _insert_operations(first_by_key)
    entries = [
        entry
        for key, operation in first_by_key.items()
        if key in fresh
        for entry in _entries_of(operation, stored[key].pk, floored, platform)
    ]
    update_each(Account, [{"id": row.id, "balance": row.balance} for row in floored.values() if row.is_touched])
    _insert_entries(entries)
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


def _lock_floored(codes: dict[str, AccountCode]) -> dict[str, _Locked]:
    if not codes:
        return {}
    locked = _select_locked(codes)
    missing = sorted(codes.keys() - locked.keys())
    if missing:
        _open(codes[code] for code in missing)
        locked |= _select_locked({code: codes[code] for code in missing})
    return locked


def _select_locked(codes: Iterable[str]) -> dict[str, _Locked]:
    # pk order for everybody, so two postings never wait for each other; on SQLite BEGIN IMMEDIATE is the lock.
    rows = lock_each(Account, list(codes), by="code", returning=["id", "code", "asset", "balance"])
    return {code: _Locked(pk, code, asset, balance or 0) for pk, code, asset, balance in rows}


def _platform_account_ids(codes: dict[str, AccountCode]) -> dict[str, int]:
    found = {code: _platform_ids[code] for code in codes if code in _platform_ids}
    unknown = codes.keys() - found.keys()
    if unknown:
        read = dict(Account.objects.filter(code__in=sorted(unknown)).values_list("code", "id"))
        if read.keys() != unknown:
            _open(codes[code] for code in sorted(unknown - read.keys()))
            read = dict(Account.objects.filter(code__in=sorted(unknown)).values_list("code", "id"))
        transaction.on_commit(lambda: _platform_ids.update(read))
        found |= read
    return found


def _open(codes: Iterable[AccountCode]) -> None:
    now = clock.now()
    rows = [
        {
            "code": str(code),
            "kind": code.kind,
            "asset": code.asset,
            "owner_id": code.owner_id,
            "reference": code.reference,
            "balance": 0 if code.kind in FLOORED_KINDS else None,
            "opened_at": now,
        }
        for code in codes
    ]
    insert_new(Account, rows, unique="code", returning=["id"])


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
    operation: NewOperation, operation_id: int, floored: dict[str, _Locked], platform: dict[str, int]
) -> list[tuple[int, int, str, int, int | None]]:
    entries: list[tuple[int, int, str, int, int | None]] = []
    before: dict[str, int] = {}
    for code, money in operation.legs:
        account = floored.get(str(code))
        if account is None:
            entries.append((operation_id, platform[str(code)], money.asset, money.minor, None))
            continue
        before.setdefault(account.code, account.balance)
        account.balance += money.minor
        account.is_touched = True
        entries.append((operation_id, account.id, money.asset, money.minor, account.balance))
    for text, available in before.items():
        account = floored[text]
        if account.balance < 0:
            raise InsufficientFunds(
                code=text, asset=account.asset, available=available, wanted=available - account.balance
            )
    return entries


def _insert_entries(entries: list[tuple[int, int, str, int, int | None]]) -> None:
    names = ("operation_id", "account_id", "asset", "amount", "balance_after")
    insert_new(Entry, [dict(zip(names, entry, strict=True)) for entry in entries])

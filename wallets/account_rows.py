"""The rows of accounts: locked in primary-key order, opened when they are missing, ids of the platform's remembered."""

from collections.abc import Iterable

from django.db import transaction

from lockbay import clock
from lockbay.setsql import insert_new, lock_each
from wallets.accounts import FLOORED_KINDS, AccountCode
from wallets.models import Account
from wallets.running import Running

# Ids of the platform's accounts never change once committed; knowing them saves a statement a call.
_platform_ids: dict[str, int] = {}


def lock_floored(codes: dict[str, AccountCode]) -> dict[str, Running]:
    """Floored accounts by their codes, under our lock; missing ones are opened."""
    if not codes:
        return {}
    locked = _select_locked(codes)
    missing = sorted(codes.keys() - locked.keys())
    if missing:
        _open(codes[code] for code in missing)
        locked |= _select_locked({code: codes[code] for code in missing})
    return locked


def _select_locked(codes: Iterable[str]) -> dict[str, Running]:
    # pk order for everybody, so two postings never wait for each other; on SQLite BEGIN IMMEDIATE is the lock.
    names = ["id", "code", "asset", "balance", "owes", "owner"]
    rows = lock_each(Account, list(codes), by="code", returning=names)
    return {row[1]: Running(row[0], row[1], row[2], row[3] or 0, row[4], row[5]) for row in rows}


def platform_account_ids(codes: dict[str, AccountCode]) -> dict[str, int]:
    """The ids of the platform's accounts, which nobody locks (B6); missing ones are opened."""
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
            "owes": 0,
            "opened_at": now,
        }
        for code in codes
    ]
    insert_new(Account, rows, unique="code", returning=["id"])


def forget_accounts() -> None:
    """Empties the cache of account ids; for tests that empty the tables."""
    _platform_ids.clear()

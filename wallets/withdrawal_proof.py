"""The proof's rules about money on its way out (B8): what waits lies on user:held, what is in flight on its own hold,
every step has its operations, and the events of each withdrawal form one chain."""

from collections.abc import Iterator, Mapping

from django.db import connection

from lockbay.events.recording import broken_chains
from wallets.accounts import HELD, PAYOUT
from wallets.models import Withdrawal
from wallets.proof import Breach, register_rule
from wallets.withdrawal_legs import APPROVE, REQUEST, SETTLE
from wallets.withdrawal_states import IN_FLIGHT, OPEN, PENDING, WithdrawalStatus

_S = WithdrawalStatus
_BACK = "reverse:"
# What must have been posted in each state, and nothing else.
POSTED: Mapping[WithdrawalStatus, frozenset[str]] = {
    _S.PENDING_APPROVAL: frozenset({REQUEST}),
    **{status: frozenset({REQUEST, APPROVE}) for status in IN_FLIGHT},
    _S.COMPLETED: frozenset({REQUEST, APPROVE, SETTLE}),
    _S.REVERSED: frozenset({REQUEST, APPROVE, SETTLE, _BACK + REQUEST, _BACK + APPROVE, _BACK + SETTLE}),
    _S.REJECTED: frozenset({REQUEST, _BACK + REQUEST}),
    _S.CANCELLED: frozenset({REQUEST, _BACK + REQUEST}),
    _S.FAILED: frozenset({REQUEST, APPROVE, _BACK + REQUEST, _BACK + APPROVE}),
}

# Accounts and withdrawals in one statement: read one after the other they could belong to two moments.
_HELD = """
SELECT a.code, a.balance, coalesce(w.total, 0), a.asset FROM wallets_account a
LEFT JOIN (SELECT owner_id, asset, sum(amount_minor) AS total FROM wallets_withdrawal
           WHERE status = %(pending)s GROUP BY owner_id, asset) w ON w.owner_id = a.owner_id AND w.asset = a.asset
WHERE a.kind = %(held)s AND a.balance <> coalesce(w.total, 0)
UNION ALL
SELECT w.public_id, 0, w.amount_minor, w.asset FROM wallets_withdrawal w
WHERE w.status = %(pending)s AND NOT EXISTS (
    SELECT 1 FROM wallets_account a WHERE a.kind = %(held)s AND a.owner_id = w.owner_id AND a.asset = w.asset)
"""
_HOLD = """
SELECT w.public_id, coalesce(a.balance, 0), w.amount_minor, w.asset FROM wallets_withdrawal w
LEFT JOIN wallets_account a ON a.kind = %(payout)s AND a.reference = w.public_id AND a.asset = w.asset
WHERE w.status IN {in_flight} AND coalesce(a.balance, 0) <> w.amount_minor
UNION ALL
SELECT a.reference, a.balance, 0, a.asset FROM wallets_account a
WHERE a.kind = %(payout)s AND a.balance > 0 AND NOT EXISTS (SELECT 1 FROM wallets_withdrawal w
    WHERE w.public_id = a.reference AND w.asset = a.asset AND w.status IN {in_flight})
"""
_OPERATIONS = """
SELECT w.public_id, w.status, w.asset, o.key FROM wallets_withdrawal w
LEFT JOIN wallets_operation o ON o.key IN {keys}
WHERE w.status IN {statuses} ORDER BY w.id
"""


def register_rules() -> None:
    """Called once at start."""
    register_rule("withdrawal_held", check_held)
    register_rule("withdrawal_hold", check_holds)
    register_rule("withdrawal_operations", check_operations)
    register_rule("withdrawal_events_whole", check_event_chains)


def check_held(full: bool) -> Iterator[Breach]:
    """Each person's held account is the sum of what waits for approval."""
    for code, balance, wanted, asset in _rows(_HELD):
        yield Breach("withdrawal_held", str(code), f"holds {balance}, should be {wanted}", str(asset))


def check_holds(full: bool) -> Iterator[Breach]:
    """Every withdrawal in flight has exactly its amount on its own hold; every other hold is empty."""
    for public_id, balance, wanted, asset in _rows(_HOLD.format(in_flight=_list_of(IN_FLIGHT))):
        yield Breach("withdrawal_hold", str(public_id), f"holds {balance}, should be {wanted}", str(asset))


def check_operations(full: bool) -> Iterator[Breach]:
    """Every withdrawal has the operations of its state and no others; what is closed is looked at in the full proof."""
    names = sorted(frozenset().union(*POSTED.values()))
    keys = ", ".join(
        f"'{_BACK if name.startswith(_BACK) else ''}withdrawal:' || w.public_id || ':{name.removeprefix(_BACK)}'"
        for name in names
    )
    statuses = frozenset(WithdrawalStatus) if full else OPEN
    found: dict[tuple[str, str, str], set[str]] = {}
    for public_id, status, asset, key in _rows(_OPERATIONS.format(keys=f"({keys})", statuses=_list_of(statuses))):
        posted = found.setdefault((str(public_id), str(status), str(asset)), set())
        if key is not None:
            posted.add(_purpose_of(str(key)))
    for (public_id, status, asset), posted in found.items():
        wanted = POSTED[WithdrawalStatus(status)]
        if posted != wanted:
            detail = f"{status}: missing {sorted(wanted - posted)}, too many {sorted(posted - wanted)}"
            yield Breach("withdrawal_operations", public_id, detail, asset)


def check_event_chains(full: bool) -> Iterator[Breach]:
    """Every withdrawal's events form one unbroken chain; looked at in the full proof only."""
    if not full:
        return
    for pk, broken in broken_chains("withdrawal"):
        public_id = Withdrawal.objects.filter(pk=pk).values_list("public_id", flat=True).first()
        yield Breach("withdrawal_events_whole", public_id or f"withdrawal {pk}", f"seq {broken}")


def _purpose_of(key: str) -> str:
    prefix = _BACK if key.startswith(_BACK) else ""
    return prefix + key.rpartition(":")[2]


def _list_of(statuses: frozenset[WithdrawalStatus]) -> str:
    return "(" + ", ".join(f"'{status.value}'" for status in sorted(statuses)) + ")"


def _rows(sql: str) -> list[tuple[object, ...]]:
    (pending,) = PENDING
    with connection.cursor() as cursor:
        cursor.execute(sql, {"pending": pending.value, "held": HELD, "payout": PAYOUT})
        return list(cursor.fetchall())

"""The postings of a withdrawal, as pure functions: the actions post them and the previews show them (W1-W6).

request   what the owner asks for leaves the account and waits on user:held
approve   from there to the withdrawal's own hold, together with the status
settle    from the hold to the fees of the house and to whoever paid it out, through fx when that was another asset
Money that returns goes back by operations that reverse these, one by one.
"""

from collections.abc import Sequence

from wallets.accounts import CLEARING, FEES, FX, HELD, platform_account, user_account, withdrawal_hold
from wallets.ledger import Leg, NewOperation
from wallets.models import Operation, Withdrawal
from wallets.money import Money

REQUEST, APPROVE, SETTLE = "request", "approve", "settle"


def operation_key(withdrawal: Withdrawal, purpose: str) -> str:
    """The idempotency key of the withdrawal's posting for `purpose`: request, approve, settle (B5)."""
    return f"withdrawal:{withdrawal.public_id}:{purpose}"


def operation_for(withdrawal: Withdrawal, purpose: str) -> NewOperation:
    """The posting for `purpose`."""
    legs = {REQUEST: request_legs, APPROVE: approve_legs, SETTLE: settle_legs}[purpose](withdrawal)
    return NewOperation(
        kind=f"withdrawal_{purpose}",
        key=operation_key(withdrawal, purpose),
        legs=legs,
        reference=withdrawal.public_id,
    )


def request_legs(withdrawal: Withdrawal) -> tuple[Leg, ...]:
    """account → held."""
    source = user_account(withdrawal.owner_id, withdrawal.asset, withdrawal.account_kind)
    held = user_account(withdrawal.owner_id, withdrawal.asset, HELD)
    return (source, -withdrawal.amount), (held, withdrawal.amount)


def approve_legs(withdrawal: Withdrawal) -> tuple[Leg, ...]:
    """held → the withdrawal's own hold."""
    held = user_account(withdrawal.owner_id, withdrawal.asset, HELD)
    hold = withdrawal_hold(withdrawal.public_id, withdrawal.asset)
    return (held, -withdrawal.amount), (hold, withdrawal.amount)


def settle_legs(withdrawal: Withdrawal, payout: Money | None = None) -> tuple[Leg, ...]:
    """hold → fees, network fee and the rail's clearing; `payout` for a preview before it is fixed."""
    paid = payout or withdrawal.payout or withdrawal.estimate
    fees = platform_account(FEES, withdrawal.asset)
    legs: list[Leg] = [(withdrawal_hold(withdrawal.public_id, withdrawal.asset), -withdrawal.amount)]
    legs += [(fees, fee) for fee in (withdrawal.fee, withdrawal.network_fee) if fee]
    clearing = platform_account(CLEARING, paid.asset, withdrawal.rail)
    if paid.asset == withdrawal.asset:
        legs.append((clearing, withdrawal.net))
    else:
        legs.append((platform_account(FX, withdrawal.asset), withdrawal.net))
        legs += [(platform_account(FX, paid.asset), -paid), (clearing, paid)]
    return tuple(legs)


def returning_operations(withdrawal: Withdrawal, purposes: Sequence[str], *, memo: str) -> list[NewOperation]:
    """The opposites of what was posted for `purposes`, in the order given; each names the one it reverses (B2).

    Raises: Operation.DoesNotExist when one of them was never posted.
    """
    found = []
    for purpose in purposes:
        original = operation_for(withdrawal, purpose)
        found.append(
            NewOperation(
                kind="reversal",
                key=f"reverse:{original.key}",
                legs=tuple((code, -money) for code, money in original.legs),
                reference=withdrawal.public_id,
                memo=memo[:200],
                reverses_id=Operation.objects.only("pk").get(key=original.key).pk,
            )
        )
    return found

"""What the rest of the house may ask the books. No locks, no counting of whole tables."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from wallets.accounts import AVAILABLE, CREDIT, AccountCode
from wallets.models import Account, Checkpoint, Entry
from wallets.money import Money


@dataclass(frozen=True)
class EntryLine:
    """One line of a wallet's history; `balance_after` is that account's running balance."""

    id: int
    operation_kind: str
    reference: str
    memo: str
    money: Money
    balance_after: Money
    kind: str
    posted_at: datetime


def balances_of(user_id: int) -> dict[tuple[str, str], Money]:
    """A user's balances by (kind, asset); accounts never used are absent."""
    rows = Account.objects.filter(owner_id=user_id, balance__isnull=False).order_by("asset", "kind")
    return {(row.kind, row.asset): Money(row.balance or 0, row.asset) for row in rows}


def spendable(user_id: int, asset: str = "USD") -> Money:
    """Available plus trading credit: what may pay for a trade (E6)."""
    balances = balances_of(user_id)
    zero = Money(0, asset)
    return balances.get((AVAILABLE, asset), zero) + balances.get((CREDIT, asset), zero)


def entries_of(user_id: int, *, before_id: int | None = None, limit: int = 20) -> list[EntryLine]:
    """A page of a user's entries, newest first; `before_id` is the last id of the page before."""
    accounts = list(Account.objects.filter(owner_id=user_id).values_list("id", flat=True))
    entries = Entry.objects.filter(account_id__in=accounts).select_related("operation", "account").order_by("-id")
    if before_id is not None:
        entries = entries.filter(id__lt=before_id)
    return [
        EntryLine(
            id=entry.pk,
            operation_kind=entry.operation.kind,
            reference=entry.operation.reference,
            memo=entry.operation.memo,
            money=entry.money,
            balance_after=Money(entry.balance_after or 0, entry.asset),
            kind=entry.account.kind,
            posted_at=entry.operation.posted_at,
        )
        for entry in entries[:limit]
    ]


def balance_of(code: AccountCode) -> Money:
    """The balance of any account: the running one, or for the platform's the checkpoint plus later entries (B6)."""
    account = Account.objects.filter(code=str(code)).first()
    if account is None:
        return Money(0, code.asset)
    if account.balance is not None:
        return Money(account.balance, account.asset)
    checkpoint = Checkpoint.objects.filter(account=account).first()
    start, total = (checkpoint.up_to_entry, checkpoint.balance) if checkpoint else (0, 0)
    later = Entry.objects.filter(account=account, id__gt=start).aggregate(total=Sum("amount"))["total"]
    return Money(total + int(later or 0), account.asset)

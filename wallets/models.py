"""The books: accounts, operations, entries, checkpoints and the proofs that they add up (B1-B8).

Signs: an entry adds its amount to its account. What we owe users is positive on their accounts; what a provider holds
for us is negative on its clearing account. Every operation sums to zero per asset.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from wallets.accounts import AVAILABLE, FLOORED_KINDS, PLATFORM_KINDS, USER_KINDS
from wallets.money import Money
from wallets.repair_models import Repair as Repair
from wallets.repair_models import RepairStatus as RepairStatus
from wallets.withdrawal_models import Approval as Approval
from wallets.withdrawal_models import Decision as Decision
from wallets.withdrawal_models import Destination as Destination
from wallets.withdrawal_models import OutcomeVote as OutcomeVote
from wallets.withdrawal_models import Withdrawal as Withdrawal

_KIND_CHOICES = [(kind, kind) for kind in sorted(FLOORED_KINDS | PLATFORM_KINDS)]


class Account(models.Model):
    """A ledger balance. Floored accounts keep a running `balance`; the platform's keep none (B6), so nobody waits on
    them."""

    code = models.CharField(max_length=96, unique=True)
    kind = models.CharField(max_length=16, choices=_KIND_CHOICES)
    asset = models.CharField(max_length=8)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="accounts")
    reference = models.CharField(max_length=64, blank=True)
    balance = models.BigIntegerField(null=True)
    owes = models.BigIntegerField(default=0, db_default=0)  # minus the balance of the user's loss account (P7)
    opened_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(balance__isnull=True) | Q(balance__gte=0), name="account_never_below_zero"
            ),
            models.CheckConstraint(
                condition=(Q(kind__in=sorted(FLOORED_KINDS)) & Q(balance__isnull=False))
                | (Q(kind__in=sorted(PLATFORM_KINDS)) & Q(balance__isnull=True)),
                name="account_floor_by_kind",
            ),
            models.CheckConstraint(
                condition=(Q(kind__in=sorted(USER_KINDS)) & Q(owner__isnull=False))
                | (~Q(kind__in=sorted(USER_KINDS)) & Q(owner__isnull=True)),
                name="account_owner_by_kind",
            ),
            models.CheckConstraint(
                condition=Q(owes=0) | (Q(owes__gt=0) & Q(kind=AVAILABLE)), name="account_owes_on_available"
            ),
        ]
        indexes = [models.Index(fields=["owes"], condition=Q(owes__gt=0), name="account_in_debt")]

    def __str__(self) -> str:
        return self.code

    @property
    def money(self) -> Money | None:
        """The running balance; None for accounts that keep none."""
        return None if self.balance is None else Money(self.balance, self.asset)


class Operation(models.Model):
    """One balanced, immutable posting."""

    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=160, unique=True)
    reference = models.CharField(max_length=128, blank=True, db_index=True)
    memo = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64)
    reverses = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="reversals")
    posted_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key


class Entry(models.Model):
    """One leg. `balance_after` is the account's running balance after it; null for accounts that keep none."""

    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries")
    asset = models.CharField(max_length=8)
    amount = models.BigIntegerField()
    balance_after = models.BigIntegerField(null=True)

    class Meta:
        verbose_name_plural = "entries"
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="entry_moves_something")]
        indexes = [models.Index(F("account"), F("id").desc(), name="entry_by_account")]

    def __str__(self) -> str:
        return f"{self.amount} {self.asset} on {self.account_id}"

    @property
    def money(self) -> Money:
        return Money(self.amount, self.asset)


class Checkpoint(models.Model):
    """The sum of an account's entries up to and including entry `up_to_entry` (B8)."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True, related_name="checkpoint")
    up_to_entry = models.BigIntegerField()
    balance = models.BigIntegerField()
    taken_at = models.DateTimeField()


class LedgerCheck(models.Model):
    """One run of the proof: what it covered, what it found, how long it took."""

    full = models.BooleanField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    entries_read = models.BigIntegerField(default=0)
    up_to_entry = models.BigIntegerField(default=0)
    breaches = models.JSONField(default=list)

    @property
    def is_green(self) -> bool:
        """True when the run finished and found nothing."""
        return self.finished_at is not None and not self.breaches


class PayoutStop(models.Model):
    """Payouts of `asset` are stopped: by a breach of the proof, or by hand (B8, W7)."""

    asset = models.CharField(max_length=8, primary_key=True)
    reason = models.CharField(max_length=200)
    stopped_at = models.DateTimeField()

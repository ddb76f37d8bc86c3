"""Money that leaves: where to, how much, who agreed (W1-W7). Imported by wallets/models.py."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from wallets.accounts import AFFILIATE, AVAILABLE
from wallets.money import Money
from wallets.withdrawal_states import APPROVED_ONCE, CLOSED, OPEN, WithdrawalStatus


class DestinationQuerySet(models.QuerySet["Destination"]):
    def live(self) -> "DestinationQuerySet":
        """Those that have not been removed."""
        return self.filter(removed_at__isnull=True)


class Destination(models.Model):
    """Where a person's money may be sent. Its facts never change: a changed address is another destination (W7).

    `details` is what the rail needs: bank_code, bank_name, account_number and account_name, or address and tag.
    `fingerprint` is the normalised target: the same place twice is one destination. `registered_as` is the name under
    which the rail knows the address beforehand; "" until then.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="destinations")
    request_key = models.CharField(max_length=100, unique=True, null=True)
    rail = models.CharField(max_length=24)
    payout_asset = models.CharField(max_length=8)
    network = models.CharField(max_length=24)
    label = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=200)
    registered_as = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    usable_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    objects = DestinationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "fingerprint"],
                condition=Q(removed_at__isnull=True),
                name="destination_once_per_owner",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label or self.target} ({self.payout_asset}, {self.network})"

    @property
    def target(self) -> str:
        """The address or the account number, as people compare it."""
        return str(self.details.get("address") or self.details.get("account_number") or "")


class WithdrawalQuerySet(models.QuerySet["Withdrawal"]):
    def locked(self, *pks: int) -> "WithdrawalQuerySet":
        """Rows locked in primary-key order; children's foreign-key checks are not blocked."""
        return self.filter(pk__in=pks).order_by("pk").select_for_update(no_key=True, of=("self",))


class Withdrawal(models.Model):
    """One withdrawal. Amounts are minor units: of `asset` what leaves the wallet and the fees taken off it, of
    `payout_asset` what arrives. `revision` is raised by every change of the owner: an approval names the one it looked
    at. `moves` is raised by every step of the status."""

    public_id = models.CharField(max_length=12, unique=True)
    request_key = models.CharField(max_length=100, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="withdrawals")
    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="withdrawals")
    details = models.JSONField(default=dict)  # the destination's, as they were when this was asked for
    rail = models.CharField(max_length=24)
    revision = models.PositiveIntegerField(default=1)
    moves = models.PositiveIntegerField(default=0)
    status = models.CharField(
        max_length=24, choices=WithdrawalStatus.choices, default=WithdrawalStatus.PENDING_APPROVAL
    )

    account_kind = models.CharField(max_length=16, default=AVAILABLE)
    asset = models.CharField(max_length=8, default="USD")
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    network_fee_minor = models.BigIntegerField(default=0)
    payout_asset = models.CharField(max_length=8)
    estimate_minor = models.BigIntegerField()
    payout_minor = models.BigIntegerField(null=True)  # fixed by the approval
    rate = models.CharField(max_length=64)
    rate_source = models.CharField(max_length=64, blank=True)
    rate_at = models.DateTimeField()

    requested_at = models.DateTimeField()
    approved_at = models.DateTimeField(null=True)
    processing_since = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    overdue_at = models.DateTimeField(null=True)  # when staff were told that it takes long
    reason = models.CharField(max_length=500, blank=True)
    provider_reference = models.CharField(max_length=128, blank=True)

    objects = WithdrawalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(fee_minor__gte=0, network_fee_minor__gte=0, estimate_minor__gt=0)
                & Q(amount_minor__gt=F("fee_minor") + F("network_fee_minor")),
                name="withdrawal_brings_something",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=sorted(APPROVED_ONCE))
                | Q(approved_at__isnull=False, payout_minor__isnull=False, payout_minor__gt=0),
                name="withdrawal_approved_has_payout",
            ),
            models.CheckConstraint(
                condition=Q(status__in=sorted(OPEN), closed_at__isnull=True)
                | Q(status__in=sorted(CLOSED), closed_at__isnull=False),
                name="withdrawal_closed_has_time",
            ),
            models.CheckConstraint(
                condition=Q(account_kind__in=[AFFILIATE, AVAILABLE]), name="withdrawal_of_withdrawable_money"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "requested_at"], name="withdrawal_by_status"),
            models.Index(fields=["owner", "requested_at"], name="withdrawal_by_owner"),
            models.Index(fields=["payout_asset", "approved_at"], name="withdrawal_by_approval"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def amount(self) -> Money:
        """What leaves the wallet."""
        return Money(self.amount_minor, self.asset)

    @property
    def fee(self) -> Money:
        """The fee of the house, part of the amount."""
        return Money(self.fee_minor, self.asset)

    @property
    def network_fee(self) -> Money:
        """What the network or the bank is expected to take, part of the amount."""
        return Money(self.network_fee_minor, self.asset)

    @property
    def net(self) -> Money:
        """What is paid out, in the asset of the wallet."""
        return self.amount - self.fee - self.network_fee

    @property
    def estimate(self) -> Money:
        """What was expected to arrive when it was asked for."""
        return Money(self.estimate_minor, self.payout_asset)

    @property
    def payout(self) -> Money | None:
        """What arrives, fixed by the approval; None before it."""
        return None if self.payout_minor is None else Money(self.payout_minor, self.payout_asset)


class Decision(models.TextChoices):
    APPROVE = "approve"
    REJECT = "reject"


class Approval(models.Model):
    """What one person decided about one revision; never changed."""

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="approvals")
    revision = models.PositiveIntegerField()
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=8, choices=Decision.choices)
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["withdrawal", "revision", "staff"], name="approval_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.decision} of {self.withdrawal_id} by {self.staff_id}"


class OutcomeVote(models.Model):
    """What one person found out about a payout nobody can tell by machine; two who agree decide (W4). `move` is the
    withdrawal's count of moves they looked at: a later step makes the vote void."""

    withdrawal = models.ForeignKey(Withdrawal, on_delete=models.PROTECT, related_name="outcome_votes")
    move = models.PositiveIntegerField()
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=24, choices=WithdrawalStatus.choices)
    provider_reference = models.CharField(max_length=128, blank=True)
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["withdrawal", "move", "staff"], name="outcome_vote_once_per_person"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} of {self.withdrawal_id} by {self.staff_id}"

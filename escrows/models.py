"""The agreement between a buyer and a seller."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from escrows.affiliate_models import AffiliateLink as AffiliateLink
from escrows.affiliate_models import FirstStart as FirstStart
from escrows.states import FUNDED_ONCE, HOLDS_MONEY, SHORT_OPEN, MissingState, ShortState, Status
from wallets.money import Money


class FeePayer(models.TextChoices):
    BUYER = "buyer"
    SELLER = "seller"
    SPLIT = "split"


class Side(models.TextChoices):
    BUYER = "buyer"
    SELLER = "seller"


class EscrowQuerySet(models.QuerySet["Escrow"]):
    def locked(self, *pks: int) -> "EscrowQuerySet":
        """Rows locked in primary-key order; children's foreign-key checks are not blocked."""
        return self.filter(pk__in=pks).order_by("pk").select_for_update(no_key=True, of=("self",))

    def of(self, user_id: int) -> "EscrowQuerySet":
        """The trades in which a person is a party."""
        return self.filter(Q(buyer_id=user_id) | Q(seller_id=user_id))


class Escrow(models.Model):
    """One trade. Amounts are minor units of `asset`; `pricing` is the frozen snapshot (E4, escrows/fees.py)."""

    public_id = models.CharField(max_length=12, unique=True)
    request_key = models.CharField(max_length=100, unique=True)
    version = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.CREATED)

    started_by = models.CharField(max_length=6, choices=Side.choices)
    buyer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="bought")
    seller = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="sold")
    counterparty_hint = models.CharField(max_length=254, blank=True)

    asset = models.CharField(max_length=8, default="USD")
    price_minor = models.BigIntegerField()
    description = models.CharField(max_length=500)
    delivery_hours = models.PositiveIntegerField()
    inspection_hours = models.PositiveIntegerField()
    fee_payer = models.CharField(max_length=6, choices=FeePayer.choices)
    pricing = models.JSONField(default=dict)

    expires_at = models.DateTimeField(null=True)
    payment_confirmed_at = models.DateTimeField(null=True)
    deposit_reference = models.CharField(max_length=128, blank=True)  # a txid, or our reference of a wallet payment
    accept_by = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    delivery_deadline = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    inspection_ends_at = models.DateTimeField(null=True)
    release_due_at = models.DateTimeField(null=True)
    frozen_at = models.DateTimeField(null=True)  # since when money that it relied on is missing (P7): all clocks stand
    closed_at = models.DateTimeField(null=True)
    close_reason = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()

    objects = EscrowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="escrow_status_known"),
            models.CheckConstraint(condition=Q(price_minor__gt=0), name="escrow_price_positive"),
            models.CheckConstraint(
                condition=Q(buyer__isnull=True) | Q(seller__isnull=True) | ~Q(buyer=models.F("seller")),
                name="escrow_has_two_people",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=sorted(FUNDED_ONCE))
                | (
                    Q(payment_confirmed_at__isnull=False)
                    & ~Q(deposit_reference="")
                    & Q(delivery_deadline__isnull=False)
                    & Q(expires_at__isnull=True)
                ),
                name="escrow_confirmed_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(frozen_at__isnull=True)
                | (Q(status__in=sorted(HOLDS_MONEY)) & Q(release_due_at__isnull=True)),
                name="escrow_frozen_is_live",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(expires_at__isnull=False), name="escrow_expiry"),
            models.Index(
                fields=["release_due_at"], condition=Q(release_due_at__isnull=False), name="escrow_release_due"
            ),
            models.Index(fields=["status", "created_at"], name="escrow_by_status"),
            models.Index(fields=["frozen_at"], condition=Q(frozen_at__isnull=False), name="escrow_frozen"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def price(self) -> Money:
        return Money(self.price_minor, self.asset)


class ShortPayment(models.Model):
    """Money that lies in the hold of a trade and is too little to pay it (E8): the buyer decides by `choose_by`.

    `held_minor` is all that came so far; `proposal` the snapshot the seller is asked to agree to. Written under the
    lock of its escrow only.
    """

    escrow = models.ForeignKey(Escrow, on_delete=models.PROTECT, related_name="short_payments")
    state = models.CharField(max_length=12, choices=ShortState.choices, default=ShortState.WAITING)
    held_minor = models.BigIntegerField()
    reference = models.CharField(max_length=128)  # of the latest deposit
    proposal = models.JSONField(default=dict, blank=True)
    choose_by = models.DateTimeField()
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["escrow"], condition=Q(state__in=sorted(SHORT_OPEN)), name="short_payment_one_open"
            ),
            models.CheckConstraint(condition=Q(state__in=ShortState.values), name="short_payment_state_known"),
            models.CheckConstraint(condition=Q(held_minor__gt=0), name="short_payment_holds_something"),
        ]

    def __str__(self) -> str:
        return f"short payment {self.pk}"

    @property
    def held(self) -> Money:
        return Money(self.held_minor, self.escrow.asset)


class VanishedFunding(models.Model):
    """Money of a deposit that a live trade relied on and that is gone (P7). Written under the lock of its escrow only.

    `taken_minor` left the hold for it, `tolerance_minor` of that was the house's; `missing_minor` is what no other
    money has replaced yet. The hold always lacks exactly the sum of what is missing in a trade's open rows.
    """

    escrow = models.ForeignKey(Escrow, on_delete=models.PROTECT, related_name="vanished_fundings")
    deposit_id = models.BigIntegerField()
    state = models.CharField(max_length=12, choices=MissingState.choices, default=MissingState.OPEN)
    taken_minor = models.BigIntegerField()
    tolerance_minor = models.BigIntegerField(default=0)
    missing_minor = models.BigIntegerField()
    reference = models.CharField(max_length=128)  # of the deposit
    vanished_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["escrow", "deposit_id"],
                condition=Q(state=MissingState.OPEN),
                name="vanished_one_open",
            ),
            models.CheckConstraint(condition=Q(state__in=MissingState.values), name="vanished_state_known"),
            models.CheckConstraint(
                condition=Q(taken_minor__gt=0)
                & Q(missing_minor__gte=0)
                & Q(missing_minor__lte=models.F("taken_minor")),
                name="vanished_misses_what_was_taken",
            ),
            models.CheckConstraint(
                condition=~Q(state=MissingState.OPEN) | (Q(missing_minor__gt=0) & Q(closed_at__isnull=True)),
                name="vanished_open_misses_something",
            ),
        ]

    def __str__(self) -> str:
        return f"vanished funding {self.pk}"

    @property
    def missing(self) -> Money:
        return Money(self.missing_minor, self.escrow.asset)

    @property
    def taken(self) -> Money:
        return Money(self.taken_minor, self.escrow.asset)


class DeadlineWarning(models.Model):
    """A warning that was given: each at most once per deadline (E12)."""

    escrow = models.ForeignKey(Escrow, on_delete=models.CASCADE, related_name="warnings")
    deadline = models.CharField(max_length=24)
    deadline_at = models.DateTimeField()
    lead_minutes = models.PositiveIntegerField()
    given_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["escrow", "deadline", "deadline_at", "lead_minutes"], name="warning_once"),
        ]

"""Our own addresses as they are watched: how far each one was read, and what came. Imported by payments/models.py."""

from django.db import models
from django.db.models import Q

from wallets.money import Money


class WatchedAddress(models.Model):
    """An address of ours on a chain. `cursor` is text that only the chain's reader understands: the next look starts
    there. It moves after what was seen is stored, in the same transaction.

    `fence` is raised by whoever looks: one who was frozen for longer than his lease moves nothing. Looks use real time.
    `note` says why the last look told nothing; "" when it did.
    """

    chain = models.CharField(max_length=16)
    address = models.CharField(max_length=128)
    cursor = models.TextField(blank=True)
    blocks_left = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=20, blank=True)
    fence = models.PositiveIntegerField(default=0)
    next_look_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True)  # when it last told something

    class Meta:
        verbose_name_plural = "watched addresses"
        constraints = [models.UniqueConstraint(fields=["chain", "address"], name="watched_address_once")]

    def __str__(self) -> str:
        return f"{self.chain} {self.address}"


class SeenState(models.TextChoices):
    """What became of a transfer that was seen. Only WAITING ones are looked at again."""

    WAITING = "waiting"  # no request asks for just this: a pasted hash may
    CLAIMED = "claimed"  # a claim names its transaction
    BOOKED = "booked"  # it is a deposit already, by whatever way it was told
    SUSPENDED = "suspended"  # nobody claimed it: proved, and handed to the desk (P12)
    VOID = "void"  # our nodes deny that it brought us anything


class SeenTransfer(models.Model):
    """An allow-listed asset on its way to an address of ours, as one node tells: a hint, never proof (P8).

    `minor` counts our minor units, rounded down; `seen_at` is our clock, `block_time` the chain's (null: in no block
    when it was seen). A request is matched, or the hash waited for, until `look_at` (real time).
    """

    chain = models.CharField(max_length=16)
    txid = models.CharField(max_length=128)
    recipient = models.CharField(max_length=128)
    asset = models.CharField(max_length=8)
    contract = models.CharField(max_length=150, blank=True)
    raw_amount = models.CharField(max_length=80)
    minor = models.BigIntegerField()
    block_time = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=SeenState.choices, default=SeenState.WAITING)
    claim = models.ForeignKey("payments.ChainClaim", on_delete=models.PROTECT, null=True, related_name="seen")
    look_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain", "txid", "recipient", "asset"], name="seen_once_per_transaction"),
            models.CheckConstraint(condition=Q(state__in=SeenState.values), name="seen_state_known"),
            models.CheckConstraint(condition=Q(minor__gt=0), name="seen_is_something"),
            models.CheckConstraint(
                condition=~Q(state=SeenState.CLAIMED) | Q(claim__isnull=False), name="seen_claimed_has_claim"
            ),
        ]
        indexes = [models.Index(fields=["look_at"], condition=Q(state="waiting"), name="seen_waiting")]

    def __str__(self) -> str:
        return self.txid

    @property
    def money(self) -> Money:
        return Money(self.minor, self.asset)

"""Money on its way in: what we asked for (Intent), what came (Deposit), and what we were told (InboxEvent)."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from payments.payout_models import PayoutAttempt as PayoutAttempt
from payments.payout_models import RailBalance as RailBalance
from payments.payout_models import RailCounter as RailCounter
from payments.rate_models import RateHistory as RateHistory
from payments.rate_models import StoredMarket as StoredMarket
from payments.rate_models import StoredRate as StoredRate
from payments.states import ClaimState, DepositState, Effect, InboxStatus, IntentStatus, Proof
from payments.verification_models import Verification as Verification
from payments.watch_models import SeenState as SeenState
from payments.watch_models import SeenTransfer as SeenTransfer
from payments.watch_models import WatchedAddress as WatchedAddress
from wallets.money import Money


class Intent(models.Model):
    """Our request for a deposit. It owns its address for ever; `purpose` and `reference` are opaque to this room."""

    public_id = models.CharField(max_length=24, unique=True)
    request_key = models.CharField(max_length=100, unique=True)
    provider = models.CharField(max_length=24)
    purpose = models.CharField(max_length=24)
    reference = models.CharField(max_length=64, db_index=True)
    payer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="intents")
    price_minor = models.BigIntegerField()
    price_asset = models.CharField(max_length=8, default="USD")
    pay_asset = models.CharField(max_length=8)
    network = models.CharField(max_length=16)
    pay_minor = models.BigIntegerField()
    rate = models.CharField(max_length=40)  # decimal text, price asset per one pay asset: no database rounds it
    rate_source = models.CharField(max_length=40)
    rate_at = models.DateTimeField()
    status = models.CharField(max_length=12, choices=IntentStatus.choices, default=IntentStatus.REQUESTED)
    address = models.CharField(max_length=128, blank=True)
    destination_tag = models.CharField(max_length=64, blank=True)
    pay_url = models.CharField(max_length=500, blank=True)  # a provider's page to pay on, instead of an address
    provider_payment_id = models.CharField(max_length=100, null=True)
    provider_answer = models.JSONField(default=dict)
    failure = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField()
    correlation_id = models.CharField(max_length=64, blank=True)  # of the request that started it (P11)
    asked_at = models.DateTimeField(null=True)
    ask_due_at = models.DateTimeField(null=True)  # when the provider is asked next (P6); null: nothing to ask
    hinted_at = models.DateTimeField(null=True)  # when a provider first said that there is something to ask about
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "provider_payment_id"], name="intent_by_provider_payment"),
            models.CheckConstraint(
                condition=Q(pay_minor__gt=0) & Q(price_minor__gt=0), name="intent_asks_for_something"
            ),
            models.CheckConstraint(
                condition=~Q(status=IntentStatus.OPEN) | (~Q(address="") & Q(provider_payment_id__isnull=False)),
                name="intent_open_has_address",
            ),
            models.CheckConstraint(condition=Q(status__in=IntentStatus.values), name="intent_status_known"),
        ]
        indexes = [
            models.Index(fields=["ask_due_at"], condition=Q(ask_due_at__isnull=False), name="intent_to_ask"),
            models.Index(fields=["expires_at"], name="intent_by_expiry"),
            models.Index(fields=["correlation_id"], name="intent_by_reference", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def price(self) -> Money:
        return Money(self.price_minor, self.price_asset)

    @property
    def pay_amount(self) -> Money:
        return Money(self.pay_minor, self.pay_asset)


class Deposit(models.Model):
    """Money that came, or is coming, to an intent's address: one row per (chain, txid, recipient) (P2)."""

    intent = models.ForeignKey(Intent, on_delete=models.PROTECT, null=True, related_name="deposits")
    provider = models.CharField(max_length=24)
    provider_payment_id = models.CharField(max_length=100)
    chain = models.CharField(max_length=16)
    txid = models.CharField(max_length=128, blank=True)
    recipient = models.CharField(max_length=128, blank=True)
    asset = models.CharField(max_length=8)
    minor = models.BigIntegerField()
    raw_amount = models.CharField(max_length=80)
    state = models.CharField(max_length=12, choices=DepositState.choices, default=DepositState.PENDING)
    credits = models.PositiveIntegerField(default=0)
    value_minor = models.BigIntegerField(null=True)  # what it was credited as, in the intent's price asset
    value_rate = models.CharField(max_length=40, blank=True)
    is_late = models.BooleanField(default=False)
    first_seen_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    look = models.PositiveIntegerField(default=0, db_default=0)  # the newest of our looks at it that was applied (P7)
    times_vanished = models.PositiveIntegerField(default=0, db_default=0)
    by_hand = models.BooleanField(default=False, db_default=False)  # a person's word, no event has told of it yet (A3)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["txid", "chain", "recipient"], condition=~Q(txid=""), name="deposit_once_per_transaction"
            ),
            models.UniqueConstraint(
                fields=["provider", "provider_payment_id"],
                condition=Q(txid=""),
                name="deposit_once_without_transaction",
            ),
            models.CheckConstraint(condition=Q(minor__gte=0), name="deposit_not_negative"),
            models.CheckConstraint(condition=Q(state__in=DepositState.values), name="deposit_state_known"),
        ]
        indexes = [
            models.Index(fields=["intent"], condition=Q(state=DepositState.PENDING), name="deposit_pending"),
        ]

    def __str__(self) -> str:
        return f"deposit {self.pk}"

    @property
    def money(self) -> Money:
        return Money(self.minor, self.asset)


class ChainClaim(models.Model):
    """A transaction that a payer says is theirs, or that we saw bring just what a request asks for. A transaction is
    claimed once, by whoever comes first (F24).

    `results` are the checks of the last look as [name, passed, detail]; `note` says why there were none.
    `mark` is what a reader needs to tell that a transaction was replaced. Looks and leases use real time.
    `block_number` and `block_hash` say where it was when it was believed; while `recheck_at` is set that block is
    looked at again (P9).
    """

    intent = models.ForeignKey(Intent, on_delete=models.PROTECT, related_name="claims")
    chain = models.CharField(max_length=16)
    txid = models.CharField(max_length=128)
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )  # null: nobody named it, we saw it ourselves
    claimed_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=ClaimState.choices, default=ClaimState.WAITING)
    results = models.JSONField(default=list)
    note = models.CharField(max_length=100, blank=True)
    received_minor = models.BigIntegerField(null=True)  # of the coin that was asked for
    confirmations = models.PositiveIntegerField(default=0)
    confirmations_needed = models.PositiveIntegerField(default=0)
    mark = models.CharField(max_length=160, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    looked_at = models.DateTimeField(null=True)
    next_look_at = models.DateTimeField(null=True)
    block_number = models.BigIntegerField(null=True)
    block_hash = models.CharField(max_length=128, blank=True, db_default="")
    recheck_at = models.DateTimeField(null=True)
    vanished_look = models.PositiveIntegerField(default=0, db_default=0)  # the look that found it gone; 0: never
    correlation_id = models.CharField(max_length=64, blank=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain", "txid"], name="claim_once_per_transaction"),
            models.CheckConstraint(condition=Q(state__in=ClaimState.values), name="claim_state_known"),
        ]
        indexes = [
            models.Index(fields=["next_look_at"], condition=Q(next_look_at__isnull=False), name="claim_to_look_at"),
            models.Index(fields=["recheck_at"], condition=Q(recheck_at__isnull=False), name="claim_to_recheck"),
        ]

    def __str__(self) -> str:
        return self.txid

    @property
    def failed(self) -> list[str]:
        """Names of the checks that failed at the last look."""
        return [name for name, passed, _ in self.results if not passed]


class InboxEvent(models.Model):
    """A raw, well-signed event (or a provider's answer to our question), committed before anything happens with it
    (P1).

    `next_try_at` null means due at once: no clock of the node that took it decides when it is applied.
    """

    provider = models.CharField(max_length=24)
    event_id = models.CharField(max_length=160)
    body_digest = models.CharField(max_length=64)
    body = models.BinaryField()
    headers = models.JSONField(default=dict)
    proof = models.CharField(max_length=8, choices=Proof.choices, default=Proof.SIGNED)
    payment_ref = models.CharField(max_length=160, blank=True, db_index=True)
    kind = models.CharField(max_length=60, blank=True)
    status = models.CharField(max_length=12, choices=InboxStatus.choices, default=InboxStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    last_outcome = models.CharField(max_length=12, blank=True)
    effect = models.CharField(max_length=12, choices=Effect.choices, default=Effect.NONE, blank=True)
    error = models.TextField(blank=True)
    operations = models.JSONField(default=list)  # keys of the operations it led to
    correlation_id = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField(db_default=Now())  # whether a payment is in time: the database says (F21)
    applied_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "event_id", "body_digest"], name="inbox_event_once"),
            models.CheckConstraint(condition=Q(status__in=InboxStatus.values), name="inbox_status_known"),
        ]
        # By id, not by time: a backlog is walked in the order of arrival without sorting it.
        indexes = [
            models.Index(fields=["id"], condition=Q(status="pending"), name="inbox_pending"),
            models.Index(fields=["correlation_id"], name="inbox_by_reference", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"


class Breaker(models.Model):
    """Failures in a row of a source of rates (R2) or a provider (P5); while `open_until` lies ahead nobody asks it.
    Real time."""

    source = models.CharField(max_length=40, primary_key=True)
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.source


class StoredFee(models.Model):
    """What one transfer costs, as last told (W1, T7): on a chain (kind "coin" or "token") or by a bank rail (chain
    "bank", kind its name). `resources` are [name, units, price], `cost` their sum in whole units of `asset`; both hold
    decimal texts. Ages are real time."""

    chain = models.CharField(max_length=16)
    kind = models.CharField(max_length=24)
    asset = models.CharField(max_length=8)
    resources = models.JSONField(default=list)
    cost = models.CharField(max_length=60)
    source = models.CharField(max_length=40)
    fetched_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "kind"], name="stored_fee_once")]

    def __str__(self) -> str:
        return f"{self.chain} {self.kind}"


class BankList(models.Model):
    """The banks that a rail pays to, as it told them last: [code, name] pairs, sorted by name. Real time."""

    rail = models.CharField(max_length=24, primary_key=True)
    banks = models.JSONField(default=list)
    fetched_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.rail

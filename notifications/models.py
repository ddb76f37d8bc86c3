"""One message to one person by one channel, its attempts, and the queue of events not yet fanned out (N1-N3)."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from lockbay.events.models import Event


class DeliveryState(models.TextChoices):
    """Honest states: SENT means that a channel accepted it. FAILED with `is_uncertain` means that nobody knows."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    OPENED = "opened"
    FAILED = "failed"
    SKIPPED = "skipped"


class Priority(models.IntegerChoices):
    """Lower overtakes higher (N5)."""

    PAYMENT = 0
    TRADE = 1
    REMINDER = 2
    BROADCAST = 3


class PendingFanout(models.Model):
    """An event that has not been turned into deliveries yet; inserted in the event's own transaction."""

    event = models.OneToOneField(Event, on_delete=models.PROTECT, primary_key=True, related_name="+")
    broke_at = models.DateTimeField(null=True)  # it could not be fanned out: tried again now and then, real time


class Delivery(models.Model):
    """Unique per (event, recipient, channel). `audience` names the person when there is no account (staff mail)."""

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="deliveries")
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="deliveries"
    )
    audience = models.CharField(max_length=300)  # "buyer", "user", "contact:7", "staff:olu@example.org"
    channel = models.CharField(max_length=16)
    template = models.CharField(max_length=80)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices)
    state = models.CharField(max_length=12, choices=DeliveryState.choices, default=DeliveryState.QUEUED)
    is_uncertain = models.BooleanField(default=False)  # a copy may have been accepted: its answer was lost (F2, F15)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField()
    fallback_at = models.DateTimeField(null=True)  # when the next channel is tried unless this one succeeded
    lease_until = models.DateTimeField(null=True)
    lease_token = models.CharField(max_length=32, blank=True)
    provider_id = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    exhausted_at = models.DateTimeField(null=True)  # said in the log: nobody could be told; cleared by sending again
    incident = models.ForeignKey(
        "Incident", on_delete=models.PROTECT, null=True, related_name="deliveries", db_index=False
    )  # of an alert to staff: whoever takes it on takes on the incident

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["event", "audience", "channel"], name="delivery_once"),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
        ]
        indexes = [
            models.Index(
                fields=["channel", "priority", "due_at"],
                condition=Q(state__in=["queued", "sending"]),
                name="delivery_due",
            ),
            models.Index(fields=["fallback_at"], condition=Q(fallback_at__isnull=False), name="delivery_fallback"),
            models.Index(fields=["state", "created_at"], name="delivery_by_state"),
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="delivery_by_provider_id"),
            models.Index(fields=["incident"], condition=Q(incident__isnull=False), name="delivery_by_incident"),
            models.Index(fields=["audience", "id"], condition=Q(recipient__isnull=True), name="delivery_to_staff"),
            models.Index(fields=["channel", "sent_at"], condition=Q(sent_at__isnull=False), name="delivery_accepted"),
        ]

    def __str__(self) -> str:
        return f"{self.template} to {self.audience} by {self.channel}"

    @property
    def is_for_staff(self) -> bool:
        """Staff mail has no account behind it."""
        return self.audience.startswith("staff:")


class Outcome(models.TextChoices):
    """How one try ended."""

    SENT = "sent"
    RETRY = "retry"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


class Attempt(models.Model):
    """One try of a delivery (N3)."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="tries")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, choices=Outcome.choices, blank=True)  # empty while it runs
    provider_id = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"try {self.number}: {self.outcome or 'running'}"


class Category(models.TextChoices):
    """What a message is about, as people choose by (N9)."""

    PAYMENT = "payment"
    SECURITY = "security"
    TRADE = "trade"
    REMINDER = "reminder"
    NEWS = "news"


class Muted(models.Model):
    """A person wants no messages of a category by a channel; what has no row is on."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="muted")
    category = models.CharField(max_length=12, choices=Category.choices)
    channel = models.CharField(max_length=16)

    class Meta:
        verbose_name_plural = "muted"
        constraints = [models.UniqueConstraint(fields=["user", "category", "channel"], name="muted_once")]

    def __str__(self) -> str:
        return f"{self.category} by {self.channel} of {self.user_id}"


class What(models.TextChoices):
    """What a channel said of a message later. BOUNCED: the address will never work; FAILED: this message did not."""

    DELIVERED = "delivered"
    OPENED = "opened"
    FAILED = "failed"
    BOUNCED = "bounced"


class StaffChat(models.Model):
    """Where the staff's group in Telegram went; `configured_id` is what STAFF_CHAT_ID still says."""

    configured_id = models.BigIntegerField(primary_key=True)
    moved_to = models.BigIntegerField()
    moved_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.moved_to)


class StaffNotice(models.Model):
    """What the house tells staff of its own accord; `key` ("day:2026-11-22") makes it once, whoever is first."""

    key = models.CharField(max_length=64, unique=True)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key


class TrackingReport(models.Model):
    """One word of a channel about a message (N3, F18); `digest` makes a repetition nothing. Cleaned up in time."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, null=True, related_name="reports")
    channel = models.CharField(max_length=16)
    provider_id = models.CharField(max_length=200)
    what = models.CharField(max_length=12, choices=What.choices)
    at = models.DateTimeField()  # by the channel's clock, never in our future
    address = models.CharField(max_length=254, blank=True)
    detail = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64, unique=True)
    received_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["received_at"], condition=Q(delivery__isnull=True), name="report_early"),
            models.Index(fields=["received_at"], name="report_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.what} by {self.channel}"


class Incident(models.Model):
    """Trouble of one kind and key. Its first event is told to staff; later ones are counted while it is open (F19).

    All its times are real time. Nobody takes it on: `next_escalation_at` says when more people hear of it.
    """

    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=64)
    template = models.CharField(max_length=80)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices)
    first_event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    last_event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    count = models.PositiveIntegerField()
    opened_at = models.DateTimeField()
    last_at = models.DateTimeField()
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    acknowledged_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)
    closed_at = models.DateTimeField(null=True)
    escalated_at = models.DateTimeField(null=True)  # the first time
    escalations = models.PositiveIntegerField(default=0)
    next_escalation_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=Q(closed_at__isnull=True), name="incident_open_once"),
        ]
        indexes = [
            models.Index(
                fields=["next_escalation_at"],
                condition=Q(next_escalation_at__isnull=False),
                name="incident_escalation_due",
            ),
        ]

    def __str__(self) -> str:
        return f"incident {self.pk}: {self.kind}"

    @property
    def is_open(self) -> bool:
        """Later events are counted on it."""
        return self.closed_at is None


class IncidentEvent(models.Model):
    """Which incident an event was counted on: once, however often it is fanned out."""

    event = models.OneToOneField(Event, on_delete=models.PROTECT, primary_key=True, related_name="+")
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="members")


class AlertWindow(models.Model):
    """How many messages to staff went to one channel in one hour, and how many more were held back (N6)."""

    bucket = models.CharField(max_length=40)  # channel:lane
    starts_at = models.DateTimeField()
    taken = models.PositiveIntegerField()
    held_back = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bucket", "starts_at"], name="alert_window_once")]

    def __str__(self) -> str:
        return f"{self.bucket} from {self.starts_at:%H:%M}"

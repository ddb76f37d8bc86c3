"""Life-cycles of intents, deposits and inbox events: plain enums; who may move them is said where they are moved."""

from django.db import models


class IntentStatus(models.TextChoices):
    """An intent never dies: money to its address belongs to it for ever (E10)."""

    REQUESTED = "requested"  # committed before the provider is asked
    OPEN = "open"  # has an address
    FAILED = "failed"  # the provider refused; another may be tried


class DepositState(models.TextChoices):
    """Finality is a fact of its own, apart from amount and timing (P7)."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REVERTED = "reverted"


class InboxStatus(models.TextChoices):
    """What became of a raw event (P2). PENDING rows are due when next_try_at has come."""

    PENDING = "pending"
    APPLIED = "applied"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    PARKED = "parked"


class Outcome(models.TextChoices):
    """The typed result of applying one event (P2)."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    RETRY_LATER = "retry_later"
    FAILED = "failed"


class Proof(models.TextChoices):
    """Why an inbox row is believed: the provider signed it, it was asked by us (P6), or staff vouch for it (A3)."""

    SIGNED = "signed"
    ASKED = "asked"
    HAND = "hand"


class Effect(models.TextChoices):
    """What an applied event did: money was credited or taken back (it has operations), or a payment was merely
    seen."""

    NONE = ""
    SEEN = "seen"
    CREDITED = "credited"
    UNCREDITED = "uncredited"


class ClaimState(models.TextChoices):
    """What became of a transaction that a payer named (P8). Only WAITING is looked at."""

    WAITING = "waiting"  # not seen, not enough confirmations, or no node can be believed now
    PROVEN = "proven"  # the evidence is in the inbox: crediting is the drain's
    REFUSED = "refused"  # nothing of what was asked for came to our address
    HELD = "held"  # real money to our address; a person decides whose it is
    REPLACED = "replaced"  # another transaction took its place before it was mined (F28)

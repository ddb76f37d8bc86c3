"""Every kind of event, by subject. Routing, templates and tests are checked for completeness against this list."""

from enum import StrEnum


class Kind(StrEnum):
    """`subject.what_happened`, past tense: events are facts."""

    ESCROW_CREATED = "escrow.created"
    ESCROW_PARTY_JOINED = "escrow.party_joined"
    ESCROW_PAYMENT_STARTED = "escrow.payment_started"
    ESCROW_PAYMENT_CONFIRMED = "escrow.payment_confirmed"
    ESCROW_PAYMENT_SHORT = "escrow.payment_short"
    ESCROW_LESS_ASKED = "escrow.less_asked"
    ESCROW_LESS_REFUSED = "escrow.less_refused"
    ESCROW_LESS_AGREED = "escrow.less_agreed"
    ESCROW_SHORT_TAKEN_BACK = "escrow.short_taken_back"
    ESCROW_PAYMENT_LATE = "escrow.payment_late"
    ESCROW_REVIVED = "escrow.revived"
    ESCROW_ACCEPTED = "escrow.accepted"
    ESCROW_DECLINED = "escrow.declined"
    ESCROW_DELIVERED = "escrow.delivered"
    ESCROW_RELEASE_REQUESTED = "escrow.release_requested"
    ESCROW_RELEASE_UNDONE = "escrow.release_undone"
    ESCROW_COMPLETED = "escrow.completed"
    ESCROW_CANCELLED = "escrow.cancelled"
    ESCROW_REFUNDED = "escrow.refunded"
    ESCROW_EXPIRED = "escrow.expired"
    ESCROW_DEADLINE_NEAR = "escrow.deadline_near"
    DEPOSIT_PENDING = "deposit.pending"
    DEPOSIT_SUSPENDED = "deposit.suspended"
    DEPOSIT_ASSIGNED = "deposit.assigned"
    DEPOSIT_CREDITED = "deposit.credited"
    DEPOSIT_VANISHED = "deposit.vanished"
    DEBT_COLLECTED = "debt.collected"
    INBOX_PARKED = "inbox.parked"
    INBOX_REPLAYED = "inbox.replayed"
    LEDGER_BREACHED = "ledger.breached"
    OPERATION_REVERSED = "operation.reversed"
    CONTACT_CODE_REQUESTED = "contact.code_requested"
    CONTACT_VERIFIED = "contact.verified"
    DELIVERIES_EXHAUSTED = "deliveries.exhausted"
    DELIVERY_RESENT = "delivery.resent"


CHAINED_SUBJECTS = frozenset({"escrow", "withdrawal"})

"""Who is told of what: every kind of event, its audiences, its template, how urgent it is (N1, N5).

A party that acted has seen its screen change and is not written to (N7), unless the route says `even_actor`. Staff
routes go by e-mail to every address in STAFF_EMAILS, whatever becomes of the users' messages (N4), and besides to the
staff's group in Telegram, to Slack and, about money, to PagerDuty, where they are set up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from escrows.deadlines import ACCEPTANCE, DELIVERY, INSPECTION, OFFER, PAYMENT
from lockbay.events.kinds import Kind
from lockbay.events.models import Event
from notifications.models import Priority

if TYPE_CHECKING:
    from escrows.models import Escrow


class Audience(StrEnum):
    """BUYER and SELLER of the event's escrow, USER of data["user_id"], CONTACT: an address that is being proved."""

    BUYER = "buyer"
    SELLER = "seller"
    USER = "user"
    CONTACT = "contact"
    STAFF = "staff"


class Reach(StrEnum):
    """Which of the staff's channels a route uses. EVERYBODY: all but PagerDuty, which is for incidents about money.

    ON_CALL: those whom an incident is escalated to. PAGER: PagerDuty, when it knows of the incident. CHANNEL: the one
    that data["channel"] names.
    """

    EVERYBODY = "everybody"
    ON_CALL = "on_call"
    PAGER = "pager"
    CHANNEL = "channel"


Condition = Callable[[Event, "Escrow | None"], bool]


@dataclass(frozen=True)
class Route:
    """One message to one audience; `only_if` looks at the event and at the escrow as it is at fan-out.

    `every_channel` sends it on all of a person's channels at once: who took over one of them cannot hide it (W7).
    `incident`, of staff routes about trouble, names the trouble within its kind: while it is open, further events are
    counted and not told (F19). What staff must do once for each, such as a withdrawal that waits, has none.
    `is_unlimited` is sent however much was sent before it within the hour (N6).
    """

    audience: Audience
    template: str
    priority: Priority
    even_actor: bool = False
    only_if: Condition | None = None
    every_channel: bool = False
    incident: Callable[[Event], str] | None = None
    reach: Reach = Reach.EVERYBODY
    is_unlimited: bool = False


def _deadline_of(*names: str) -> Condition:
    def is_theirs(event: Event, _escrow: "Escrow | None") -> bool:
        return event.data.get("deadline") in names

    return is_theirs


def _runs_out_for_the_buyer(event: Event, escrow: "Escrow | None") -> bool:
    """The buyer's own deadlines, and the time to accept while only the buyer can still bring a seller."""
    if event.data.get("deadline") == ACCEPTANCE:
        return escrow is not None and escrow.seller_id is None
    return _deadline_of(OFFER, PAYMENT, INSPECTION)(event, escrow)


def _is_over(event: Event, _escrow: "Escrow | None") -> bool:
    return event.data.get("lead_minutes") == 0


def _was_asked(event: Event, _escrow: "Escrow | None") -> bool:
    return bool(event.data.get("was_asked"))


def _runs_out_for_the_seller(event: Event, escrow: "Escrow | None") -> bool:
    return _deadline_of(ACCEPTANCE, DELIVERY)(event, escrow) and not _is_over(event, escrow)


def _needs_approval(event: Event, _escrow: "Escrow | None") -> bool:
    return bool(event.data.get("needs_approval"))


def _is_final(event: Event, _escrow: "Escrow | None") -> bool:
    return bool(event.data.get("final"))


def _is_first_of_two(event: Event, escrow: "Escrow | None") -> bool:
    return not _is_final(event, escrow)


def _must_be_registered(event: Event, _escrow: "Escrow | None") -> bool:
    return event.data.get("status") == "awaiting_registration"


def _hears_of_it(event: Event, _escrow: "Escrow | None") -> bool:
    return bool(event.data.get("hears_of_it"))


def _replaces_another(event: Event, _escrow: "Escrow | None") -> bool:
    return "replaced_id" in event.data


def _is_not_agreed(event: Event, _escrow: "Escrow | None") -> bool:
    return not event.data.get("agreed")


def _house(_event: Event) -> str:
    """One incident of its kind at a time."""
    return ""


def _subject(event: Event) -> str:
    """One incident for each thing that it is about."""
    return f"{event.subject_type}:{event.subject_id}"


def _by(*names: str) -> Callable[[Event], str]:
    """One incident for each combination of what the event says under `names`."""

    def key(event: Event) -> str:
        return ":".join(_word(event.data.get(name, ""))[:60] for name in names)

    return key


def _word(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _waiting_payout(event: Event) -> str:
    """A rail that takes nothing is one incident; what people do for each withdrawal is one each."""
    if event.data.get("said") in ("by_hand", "debt_open"):
        return _by("public_id", "said")(event)
    return _by("rail", "said")(event)


def _asset(event: Event) -> str:
    """One incident for the asset of the amount that was received."""
    return str(event.data.get("received", "")).rpartition(" ")[2][:60]


_BUYER, _SELLER, _USER, _STAFF = Audience.BUYER, Audience.SELLER, Audience.USER, Audience.STAFF
_PAYMENT, _TRADE, _REMINDER = Priority.PAYMENT, Priority.TRADE, Priority.REMINDER

ROUTES: dict[Kind, tuple[Route, ...]] = {
    Kind.ESCROW_CREATED: (),  # nobody: its maker sees the screen, the other is not known yet
    Kind.ESCROW_PARTY_JOINED: (
        # The one who joins looks at the trade: a seller who comes after the payment sees the offer there, once.
        Route(_BUYER, "party_joined", _TRADE),
        Route(_SELLER, "party_joined", _TRADE),
    ),
    Kind.ESCROW_PAYMENT_STARTED: (),  # nobody: the buyer looks at the payment screen, money has not moved
    Kind.ESCROW_PAYMENT_CONFIRMED: (
        Route(_BUYER, "payment_confirmed", _PAYMENT, even_actor=True),  # a receipt, also for a payment from the wallet
        Route(_SELLER, "trade_offered", _PAYMENT),
        Route(_STAFF, "staff_payment_confirmed", _PAYMENT),
    ),
    Kind.ESCROW_PAYMENT_SHORT: (Route(_BUYER, "payment_short", _PAYMENT),),
    Kind.ESCROW_LESS_ASKED: (Route(_SELLER, "less_asked", _PAYMENT),),
    Kind.ESCROW_LESS_REFUSED: (Route(_BUYER, "less_refused", _PAYMENT),),
    Kind.ESCROW_LESS_AGREED: (),  # nobody: the confirmed payment that comes with it says so
    Kind.ESCROW_SHORT_TAKEN_BACK: (Route(_BUYER, "short_taken_back", _PAYMENT),),
    Kind.ESCROW_PAYMENT_LATE: (Route(_BUYER, "payment_late", _PAYMENT),),
    # Payer and staff hear of every deposit that vanishes; the seller only when a question to him is void with it.
    Kind.ESCROW_PAYMENT_VANISHED: (Route(_SELLER, "less_void", _PAYMENT, only_if=_was_asked),),
    Kind.ESCROW_FROZEN: (
        Route(_BUYER, "trade_frozen_buyer", _PAYMENT),
        Route(_SELLER, "trade_frozen_seller", _PAYMENT),
        Route(_STAFF, "staff_trade_frozen", _PAYMENT, incident=_subject),
    ),
    Kind.ESCROW_REFILLED: (Route(_BUYER, "trade_refilled", _PAYMENT),),
    Kind.ESCROW_UNFROZEN: (
        Route(_BUYER, "trade_unfrozen_buyer", _PAYMENT, even_actor=True),  # a receipt, also for money from the wallet
        Route(_SELLER, "trade_unfrozen_seller", _PAYMENT),
        Route(_STAFF, "staff_trade_unfrozen", _PAYMENT),
    ),
    Kind.ESCROW_REVIVED: (),  # nobody: the new trade's payment is told like any other
    Kind.ESCROW_ACCEPTED: (Route(_BUYER, "trade_accepted", _TRADE),),
    Kind.ESCROW_DECLINED: (),  # nobody: the refund that comes with it says so
    Kind.ESCROW_DELIVERED: (Route(_BUYER, "trade_delivered", _TRADE),),
    Kind.ESCROW_RELEASE_REQUESTED: (),  # nobody: the seller is told when the undo window has ended (E14)
    Kind.ESCROW_RELEASE_UNDONE: (),
    Kind.ESCROW_COMPLETED: (
        Route(_SELLER, "trade_completed_seller", _PAYMENT),
        Route(_BUYER, "trade_completed_buyer", _TRADE),
    ),
    Kind.ESCROW_CANCELLED: (Route(_BUYER, "trade_cancelled", _TRADE), Route(_SELLER, "trade_cancelled", _TRADE)),
    Kind.ESCROW_REFUNDED: (Route(_BUYER, "refunded_buyer", _PAYMENT), Route(_SELLER, "refunded_seller", _TRADE)),
    Kind.ESCROW_EXPIRED: (Route(_BUYER, "trade_expired", _TRADE), Route(_SELLER, "trade_expired", _TRADE)),
    Kind.ESCROW_DEADLINE_NEAR: (
        Route(
            _BUYER,
            "deadline_near_buyer",
            _REMINDER,
            only_if=_runs_out_for_the_buyer,
        ),
        Route(
            _SELLER,
            "deadline_near_seller",
            _REMINDER,
            only_if=_runs_out_for_the_seller,
        ),
        # The delivery's time is over: nothing happens by itself, so both hear what they can do.
        Route(_BUYER, "delivery_overdue_buyer", _TRADE, only_if=_is_over),
        Route(_SELLER, "delivery_overdue_seller", _TRADE, only_if=_is_over),
    ),
    Kind.ESCROW_DEADLINE_STARTED: (),  # nobody: the message that was told says how long it runs
    Kind.ESCROW_PARTY_UNTOLD: (Route(_STAFF, "staff_party_untold", _TRADE, incident=_subject),),
    Kind.DEPOSIT_PENDING: (),  # nobody: the payment screen is edited in place
    Kind.DEPOSIT_SUSPENDED: (Route(_STAFF, "staff_deposit_suspended", _TRADE),),
    Kind.DEPOSIT_ASSIGNED: (),  # nobody: what the money does for its purpose says so
    Kind.DEPOSIT_CREDITED: (Route(_USER, "deposit_credited", _PAYMENT),),
    # The payer may be nobody yet: money in suspense vanishes too, and only staff hear of it.
    Kind.DEPOSIT_VANISHED: (
        Route(_USER, "deposit_vanished", _PAYMENT),
        Route(_STAFF, "staff_deposit_vanished", _PAYMENT, incident=_asset),
    ),
    Kind.DEBT_COLLECTED: (Route(_USER, "debt_collected", _PAYMENT),),
    Kind.DESTINATION_ADDED: (Route(_USER, "destination_added", _PAYMENT, even_actor=True, every_channel=True),),
    Kind.DESTINATION_REMOVED: (Route(_USER, "destination_removed", _TRADE, even_actor=True, every_channel=True),),
    Kind.DESTINATION_REGISTERED: (),  # nobody: whoever waited for it is told when it is paid
    Kind.WITHDRAWAL_REQUESTED: (Route(_STAFF, "staff_withdrawal_waiting", _PAYMENT, only_if=_needs_approval),),
    Kind.WITHDRAWAL_CHANGED: (Route(_STAFF, "staff_withdrawal_changed", _PAYMENT),),
    Kind.WITHDRAWAL_CANCELLED: (),  # nobody: its owner did it, and it is no longer in the queue
    Kind.WITHDRAWAL_APPROVED: (
        Route(_USER, "withdrawal_approved", _PAYMENT, only_if=_is_final),
        Route(_STAFF, "staff_withdrawal_second", _PAYMENT, only_if=_is_first_of_two),
        Route(_STAFF, "staff_withdrawal_register", _PAYMENT, only_if=_must_be_registered),
    ),
    Kind.WITHDRAWAL_REJECTED: (Route(_USER, "withdrawal_rejected", _PAYMENT),),
    Kind.WITHDRAWAL_REGISTERED: (),
    Kind.WITHDRAWAL_SENT: (),  # nobody: it is not success yet
    Kind.WITHDRAWAL_UNKNOWN: (Route(_STAFF, "staff_withdrawal_unknown", _PAYMENT, incident=_subject),),
    Kind.WITHDRAWAL_OUTCOME_SEEN: (
        Route(_STAFF, "staff_withdrawal_outcome", _PAYMENT, only_if=_is_not_agreed, incident=_subject),
    ),
    Kind.WITHDRAWAL_COMPLETED: (Route(_USER, "withdrawal_completed", _PAYMENT),),
    Kind.WITHDRAWAL_FAILED: (
        Route(_USER, "withdrawal_failed", _PAYMENT),
        Route(_STAFF, "staff_withdrawal_failed", _PAYMENT, incident=_by("rail")),
    ),
    Kind.WITHDRAWAL_REVERSED: (
        Route(_USER, "withdrawal_reversed", _PAYMENT),
        Route(_STAFF, "staff_withdrawal_reversed", _PAYMENT),
    ),
    Kind.WITHDRAWAL_OVERDUE: (Route(_STAFF, "staff_withdrawal_overdue", _PAYMENT, incident=_by("rail")),),
    Kind.PAYOUT_WAITS: (Route(_STAFF, "staff_payout_waits", _PAYMENT, incident=_waiting_payout),),
    Kind.PAYOUT_CONTRADICTED: (Route(_STAFF, "staff_payout_contradicted", _PAYMENT, incident=_by("public_id")),),
    Kind.PAYOUT_BALANCE_LOW: (Route(_STAFF, "staff_payout_balance_low", _TRADE, incident=_subject),),
    Kind.PAYOUTS_STOPPED: (Route(_STAFF, "staff_payouts_stopped", _PAYMENT, incident=_by("asset")),),
    Kind.PAYOUTS_RESUMED: (Route(_STAFF, "staff_payouts_resumed", _PAYMENT),),
    Kind.INBOX_PARKED: (Route(_STAFF, "staff_inbox_parked", _TRADE, incident=_by("provider")),),
    Kind.INBOX_REPLAYED: (),
    Kind.CLAIM_OPENED_AGAIN: (),  # nobody: the payment screen shows how far it is
    Kind.LEDGER_BREACHED: (Route(_STAFF, "staff_ledger_breached", _PAYMENT, incident=_by("rules", "assets")),),
    Kind.OPERATION_REVERSED: (Route(_STAFF, "staff_operation_reversed", _TRADE),),
    Kind.USER_CREDITED: (Route(_USER, "user_credited", _PAYMENT),),
    Kind.DEBT_FORGIVEN: (Route(_USER, "debt_forgiven", _PAYMENT),),
    Kind.REPAIR_PROPOSED: (Route(_STAFF, "staff_repair_waiting", _PAYMENT),),
    Kind.REPAIR_DONE: (),  # nobody: what it did says so to whom it concerns
    Kind.REPAIR_REFUSED: (Route(_STAFF, "staff_repair_refused", _TRADE),),
    Kind.REPAIR_WITHDRAWN: (),
    Kind.REFERRAL_JOINED: (Route(_USER, "referral_joined", _REMINDER),),
    Kind.AFFILIATE_EARNED: (Route(_USER, "affiliate_earned", _TRADE),),
    Kind.CONTACT_CODE_REQUESTED: (Route(Audience.CONTACT, "contact_code", _PAYMENT, even_actor=True),),
    # The settings say so to the one who typed the code; the address that messages went to hears that they no longer do.
    Kind.CONTACT_VERIFIED: (
        Route(Audience.CONTACT, "contact_replaced", _TRADE, even_actor=True, only_if=_replaces_another),
    ),
    # On what is left, and once to what was removed: who took over the chat cannot cut the others off unseen.
    Kind.CONTACT_REMOVED: (
        Route(_USER, "contact_removed", _TRADE, even_actor=True, every_channel=True),
        Route(Audience.CONTACT, "contact_removed", _TRADE, even_actor=True, only_if=_hears_of_it),
    ),
    Kind.SECOND_CHANNEL_SKIPPED: (),  # nobody: a note that they were warned before they paid
    Kind.DELIVERIES_EXHAUSTED: (Route(_STAFF, "staff_deliveries_exhausted", _PAYMENT, incident=_house),),
    Kind.DELIVERY_RESENT: (),
    Kind.INCIDENT_ACKNOWLEDGED: (
        Route(_STAFF, "staff_incident_acknowledged", _PAYMENT, reach=Reach.PAGER, is_unlimited=True),
    ),
    Kind.INCIDENT_CLOSED: (Route(_STAFF, "staff_incident_closed", _PAYMENT, reach=Reach.PAGER, is_unlimited=True),),
    Kind.INCIDENT_ESCALATED: (Route(_STAFF, "staff_incident_escalated", _PAYMENT, reach=Reach.ON_CALL),),
    Kind.STAFF_ALERTS_HELD_BACK: (
        Route(_STAFF, "staff_alerts_held_back", _PAYMENT, reach=Reach.CHANNEL, is_unlimited=True),
    ),
    Kind.STAFF_TEST: (Route(_STAFF, "staff_test", _REMINDER, is_unlimited=True),),
    Kind.STAFF_DIGEST: (Route(_STAFF, "staff_digest", _REMINDER, is_unlimited=True),),
    Kind.JOB_STALLED: (Route(_STAFF, "staff_job_stalled", _PAYMENT, incident=_by("job")),),
}

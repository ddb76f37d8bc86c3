"""What the events of the desk's made-up notices carry: one story, Bea buys a camera from Sol.

FACTS says it for each kind, OF_TEMPLATE what a single notice needs otherwise; sample_forms.py has the other forms of a
notice. A test holds them complete and whole: no notice may have a hole. A timedelta stands for the moment that far from
now.
"""

from datetime import timedelta
from typing import Any

from lockbay.events.kinds import Kind

NO_ROW = 0  # the primary key of what is not there: a link to it leads nowhere
TRADE, _WITHDRAWAL = "ES112226LAMP", "WD112226ZDWS"
_TXID = "0x9f3cbd2f6a1e54c07d88e3b1a9f04c6d2e7b5a31c8f0d94e6b7a2c1d3e5f6071"

_PAID = {
    "received": "205.00 USDT",
    "value": "205.00 USD",
    "expected": "205.00 USD",
    "variance": "exact",
    "message_level": "none",
    "difference": "0.00 USD",
    "credited": "0.00 USD",
    "deposit_reference": _TXID,
}
SHORT = {"held": "150.00 USD", "missing": "55.00 USD", "choose_by": timedelta(hours=24)}
_OUT = {
    "public_id": _WITHDRAWAL,
    "amount": "300.00 USD",
    "payout": "292.500000 USDT",
    "to": "…9f3c",
    "rail": "kraken",
    "revision": 1,
}
_PLACE = {"asset": "USDT", "network": "TRC20", "rail": "kraken", "to": "…9f3c", "usable_at": timedelta(hours=24)}
_PAYOUT = {"public_id": _WITHDRAWAL, "rail": "kraken", "status": "processing", "said": "rate_limit", "tries": 2}
_STOP = {"asset": "USDT", "reason": "The books of USDT are being checked"}
_REPAIR = {"repair": "credit_user", "about": "user 12", "name": "Bea #12", "amount": "300.00 USD", "needs_two": True}
_GONE = {"received": "205.00 USDT", "value": "205.00 USD", "missing": "205.00 USD", "deposit_reference": _TXID}

FACTS: dict[Kind, dict[str, Any]] = {
    Kind.ESCROW_PARTY_JOINED: {"side": "seller"},
    Kind.ESCROW_PAYMENT_CONFIRMED: _PAID,
    Kind.ESCROW_PAYMENT_SHORT: {**SHORT, "received": "150.00 USDT", "value": "150.00 USD", "expected": "205.00 USD"},
    Kind.ESCROW_LESS_ASKED: {
        **SHORT,
        "price_before": "200.00 USD",
        "price_now": "146.34 USD",
        "fee_now": "7.32 USD",
        "net_before": "195.00 USD",
        "net_now": "142.68 USD",
    },
    Kind.ESCROW_LESS_REFUSED: SHORT,
    Kind.ESCROW_SHORT_TAKEN_BACK: {"buyer_gets": "150.00 USD"},
    Kind.ESCROW_PAYMENT_LATE: {"received": "205.00 USDT", "value": "205.00 USD", "status": "expired"},
    Kind.ESCROW_PAYMENT_VANISHED: {"value": "150.00 USD", "status": "payment_pending", "was_asked": True},
    Kind.ESCROW_FROZEN: {
        **_GONE,
        "taken": "205.00 USD",
        "from_available": "0.00 USD",
        "debt": "0.00 USD",
        "status": "active",
        "is_release_stopped": False,
    },
    Kind.ESCROW_REFILLED: {"received": "100.00 USDT", "value": "100.00 USD", "missing": "105.00 USD"},
    Kind.ESCROW_UNFROZEN: {**_GONE, "credited": "0.00 USD", "is_again": True, "extended_by": 18_000},
    Kind.ESCROW_COMPLETED: {"seller_gets": "195.00 USD", "fee": "10.00 USD", "reason": "buyer_released"},
    Kind.ESCROW_CANCELLED: {"reason": "buyer_cancelled"},
    Kind.ESCROW_REFUNDED: {"buyer_gets": "205.00 USD", "reason": "not_accepted"},
    Kind.ESCROW_EXPIRED: {"reason": "unpaid"},
    Kind.ESCROW_DEADLINE_NEAR: {"deadline": "inspection", "deadline_at": timedelta(hours=2), "lead_minutes": 120},
    Kind.ESCROW_PARTY_UNTOLD: {"deadline": "acceptance", "side": "seller", "waits_since": timedelta(hours=-25)},
    Kind.DEPOSIT_SUSPENDED: {"received": "0.00300000 BTC", "provider": "blockbee", "reference": _TXID},
    Kind.DEPOSIT_CREDITED: {"received": "0.00050000 BTC", "value": "48.10 USD"},
    Kind.DEPOSIT_VANISHED: {
        **_GONE,
        "from_available": "120.00 USD",
        "debt": "85.00 USD",
        "purpose": "wallet",
        "reference": "DP112226K7QX",
        "cause": "gone",
        "txid": _TXID,
    },
    Kind.DEBT_COLLECTED: {"collected": "40.00 USD", "left": "45.00 USD"},
    Kind.DESTINATION_ADDED: _PLACE,
    Kind.DESTINATION_REMOVED: _PLACE,
    Kind.WITHDRAWAL_REQUESTED: {**_OUT, "needs_approval": True},
    Kind.WITHDRAWAL_CHANGED: {**_OUT, "revision": 2},
    Kind.WITHDRAWAL_APPROVED: {**_OUT, "final": True, "status": "processing"},
    Kind.WITHDRAWAL_REJECTED: _OUT,
    Kind.WITHDRAWAL_UNKNOWN: _OUT,
    Kind.WITHDRAWAL_OUTCOME_SEEN: {**_OUT, "outcome": "completed", "agreed": False},
    Kind.WITHDRAWAL_COMPLETED: {**_OUT, "provider_reference": "AGBSO6T-UFMTTQ-I7KGS6"},
    Kind.WITHDRAWAL_FAILED: _OUT,
    Kind.WITHDRAWAL_REVERSED: _OUT,
    Kind.WITHDRAWAL_OVERDUE: {**_OUT, "minutes": 6},
    Kind.PAYOUT_WAITS: _PAYOUT,
    Kind.PAYOUT_CONTRADICTED: {**_PAYOUT, "status": "failed", "said": "Success"},
    Kind.PAYOUT_BALANCE_LOW: {"rail": "kraken", "balance": "70.000000 USDT", "limit": "500.000000 USDT"},
    Kind.PAYOUTS_STOPPED: _STOP,
    Kind.PAYOUTS_RESUMED: {**_STOP, "reason": "The books of USDT hold again"},
    Kind.INBOX_PARKED: {
        "provider": "blockbee",
        "kind": "payment",
        "payment_ref": "31415",
        "reason": "UnknownCoin: XYZ",
    },
    Kind.LEDGER_BREACHED: {"breaches": 1, "rules": ["hold_matches_trade"], "assets": ["USD"]},
    Kind.OPERATION_REVERSED: {"key": "user_credited:7", "reversal": "reverse:user_credited:7", "reason": "typed twice"},
    Kind.USER_CREDITED: {"money": "5.00 USD", "account": "available", "source": "losses"},
    Kind.DEBT_FORGIVEN: {"forgiven": "40.00 USD", "left": "45.00 USD"},
    Kind.REPAIR_PROPOSED: _REPAIR,
    Kind.REPAIR_REFUSED: _REPAIR,
    Kind.INCIDENT_ACKNOWLEDGED: {"alert": "withdrawal.unknown", "count": 3, "note": "I am looking into it"},
    Kind.INCIDENT_CLOSED: {"alert": "withdrawal.unknown", "count": 3, "reason": "the rail has answered"},
    Kind.INCIDENT_ESCALATED: {
        **_OUT,
        "alert": "withdrawal.unknown",
        "alert_template": "staff_withdrawal_unknown",
        "count": 3,
        "minutes": 10,
        "escalation": 1,
        "is_last": False,
    },
    Kind.STAFF_ALERTS_HELD_BACK: {"channel": "slack", "limit": 20, "until": timedelta(minutes=40), "held_back": 7},
    Kind.JOB_STALLED: {"job": "send_fallbacks", "reason": "no success for 12 minutes"},
    Kind.AFFILIATE_EARNED: {"money": "1.00 USD"},
    Kind.CONTACT_CODE_REQUESTED: {"channel": "email"},
    Kind.CONTACT_REMOVED: {"gone": "email", "hears_of_it": True},
    Kind.CONTACT_VERIFIED: {"channel": "email", "replaced_id": NO_ROW},
    Kind.STAFF_TEST: {"process": "bot"},
    Kind.STAFF_DIGEST: {
        "day": "2026-11-21",
        "is_quiet": False,
        "payments": 3,
        "payments_sums": ["0.00210000 BTC", "410.000000 USDT"],
        "top_ups": 1,
        "top_ups_sums": ["48.10 USD"],
        "completed": 2,
        "refunded": 1,
        "withdrawn": 1,
        "withdrawals_failed": 0,
        "withdrawals_reversed": 0,
        "failed_messages": 1,
        "something_waits": True,
        "withdrawals_waiting": 2,
        "disputed": 1,
        "parked": 1,
        "incidents": 2,
        "incidents_untaken": 1,
        "proof": "green",
        "proof_age": 840,
    },
    Kind.DELIVERIES_EXHAUSTED: {
        "public_id": TRADE,
        "audience": "seller",
        "template": "trade_offered",
        "channel": "email",
        "reason": "bounced: mailbox full",
    },
}
OF_TEMPLATE: dict[str, dict[str, Any]] = {
    "deadline_near_seller": {"deadline": "delivery"},
    "delivery_overdue_buyer": {"deadline": "delivery", "deadline_at": timedelta(), "lead_minutes": 0},
    "delivery_overdue_seller": {"deadline": "delivery", "deadline_at": timedelta(), "lead_minutes": 0},
    "staff_withdrawal_second": {"final": False},
    "staff_withdrawal_register": {"status": "awaiting_registration"},
}

"""The other forms that a notice can take, by template and name: the facts that differ from the plain form's.

What begins with "_" is no fact, but what the notice looks at besides: `_actor` (a side, or the other one), `_status` of
the trade, `_seller` ("": nobody yet), `_code`.
"""

from typing import Any

from notifications.desk.sample_facts import SHORT

_OVER = {"received": "212.00 USDT", "value": "212.00 USD", "variance": "over"}
_REFUNDED: dict[str, dict[str, Any]] = {
    "not_delivered": {"reason": "not_delivered"},
    "cancelled_by_the_buyer": {"reason": "buyer_cancelled"},
    "its_payment_is_gone": {"reason": "payment_gone"},
}
_PAID_ANEW: dict[str, dict[str, Any]] = {"paid_anew": {"is_again": False, "credited": "3.00 USD"}}
_UNFROZEN: dict[str, dict[str, Any]] = {
    "not_accepted_yet": {"_status": "payment_confirmed"},
    "delivered": {"_status": "delivered"},
}
FORMS: dict[str, dict[str, dict[str, Any]]] = {
    "payment_confirmed": {
        "too_much": {
            **_OVER,
            "message_level": "full",
            "difference": "7.00 USD",
            "credited": "7.00 USD",
        },
        "a_little_too_much": {
            "received": "205.05 USDT",
            "value": "205.05 USD",
            "variance": "over",
            "message_level": "minor",
            "difference": "0.05 USD",
            "credited": "0.05 USD",
        },
        "too_little_covered": {
            "received": "203.00 USDT",
            "value": "203.00 USD",
            "variance": "short",
            "message_level": "full",
            "difference": "2.00 USD",
        },
        "a_little_too_little": {
            "received": "204.95 USDT",
            "value": "204.95 USD",
            "variance": "short",
            "message_level": "minor",
            "difference": "0.05 USD",
        },
        "from_the_wallet": {"_actor": "buyer", "received": "205.00 USD"},
        "the_missing_rest": {"received": "55.00 USDT", "earlier": "150.00 USD"},
        "a_lower_price": {"price_before": "240.00 USD"},
        "found_late": {"extended_by": 18_000},
        "no_seller_yet": {"_seller": ""},
    },
    "staff_payment_confirmed": {
        "from_the_wallet": {"_actor": "buyer", "received": "205.00 USD"},
        "the_missing_rest": {"received": "55.00 USDT", "earlier": "150.00 USD"},
        "no_seller_yet": {"_seller": ""},
    },
    "payment_late": {
        "after_it_was_cancelled": {"status": "cancelled"},
        "after_a_refund": {"status": "refunded"},
        "paid_twice": {"status": "active"},
        "confirmed_again": {"is_again": True},
    },
    "trade_frozen_buyer": {"a_release_was_stopped": {"is_release_stopped": True}},
    "staff_trade_frozen": {"a_release_was_stopped": {"is_release_stopped": True}},
    "trade_unfrozen_buyer": {**_PAID_ANEW, **_UNFROZEN},
    "trade_unfrozen_seller": _UNFROZEN,
    "staff_trade_unfrozen": _PAID_ANEW,
    "trade_completed_buyer": {"the_inspection_ended": {"reason": "inspection_ended"}},
    "trade_completed_seller": {"the_inspection_ended": {"reason": "inspection_ended"}},
    "trade_cancelled": {"by_the_other": {"_actor": "other"}},
    "refunded_buyer": {
        **_REFUNDED,
        "declined": {"reason": "seller_declined"},
        "nothing_left": {"reason": "payment_gone", "buyer_gets": "0.00 USD"},
    },
    "refunded_seller": {**_REFUNDED, "cancelled_by_staff": {"reason": "staff_cancelled"}},
    "deadline_near_buyer": {
        "to_bring_a_seller": {"deadline": "acceptance", "_status": "payment_confirmed", "_seller": ""},
        "to_pay": {"deadline": "payment", "_status": "payment_pending"},
        "to_pay_the_rest": {**SHORT, "deadline": "payment", "kept": "150.00 USD", "_status": "payment_pending"},
    },
    "deadline_near_seller": {"to_accept": {"deadline": "acceptance", "_status": "payment_confirmed"}},
    "staff_party_untold": {"the_buyer": {"deadline": "inspection", "side": "buyer", "_status": "delivered"}},
    "deposit_credited": {"in_dollars": {"received": "50.00 USD", "value": "50.00 USD"}},
    "deposit_vanished": {"in_another_block": {"cause": "moved", "from_available": "", "debt": ""}},
    "staff_deposit_vanished": {"nobody_s_yet": {"purpose": "", "debt": ""}},
    "debt_collected": {"all_of_it": {"left": ""}},
    "debt_forgiven": {"all_of_it": {"left": ""}},
    "user_credited": {"trading_credit": {"account": "credit"}},
    "withdrawal_completed": {"without_a_reference": {"provider_reference": ""}},
    "contact_code": {"used_or_too_old": {"_code": ""}},
    "contact_removed": {"whatsapp": {"gone": "whatsapp"}, "phone": {"gone": "sms"}},
    "staff_payout_waits": {
        "by_hand": {"said": "by_hand"},
        "too_little_money": {"said": "insufficient_funds"},
        "stopped": {"said": "payouts_stopped"},
        "a_debt": {"said": "debt_open"},
    },
    "staff_test": {"the_worker": {"process": "worker"}},
    "staff_incident_escalated": {"the_last_time": {"count": 1, "escalation": 5, "is_last": True}},
    "staff_digest": {
        "a_quiet_day": {"is_quiet": True, "failed_messages": 0, "something_waits": False},
        "a_breach": {"proof": "breached", "breaches": 1},
        "a_proof_that_did_not_end": {"proof": "unfinished"},
        "never_proved": {"proof": "none"},
    },
}

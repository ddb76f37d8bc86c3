"""What is to be mended, one story a kind of repair, and how the desk mends it."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from escrows.fees import Pricing
from escrows.models import Escrow
from escrows.queries import PURPOSE
from lockbay import clock
from lockbay.events.models import Event
from lockbay.people.models import User
from payments.actions.apply_event import drain
from payments.models import Deposit, InboxEvent, Intent
from payments.suspense import unassigned
from tests import cast
from tests.payments.money_in import a_txid, an_intent, raw_of, stored
from tests.withdrawals.debtors import owes
from wallets.actions.preview_repair import preview_repair
from wallets.actions.propose_repair import propose_repair
from wallets.models import Account, Entry, Operation, Repair

_numbers = count(1)
REASON, EVIDENCE = "the explorer shows it", "https://explorer.example/tx/1"


@dataclass(frozen=True)
class Mending:
    """A repair as somebody would ask for it; `concerns` whose matter it is, `is_once` that the same cannot be done
    twice, by whatever repair."""

    kind: str
    subject_type: str
    subject_id: int
    given: dict[str, str]
    concerns: User
    is_once: bool = True

    def look(self, actor: User) -> Any:
        """What the page shows."""
        about = {"kind": self.kind, "subject_type": self.subject_type, "subject_id": self.subject_id}
        return preview_repair(actor=actor, given=self.given, **about)

    def ask(self, actor: User, *, request_key: str = "", digest: str = "", **more: str) -> Repair:
        """Presses the button below what is shown."""
        return propose_repair(
            actor=actor,
            request_key=request_key or f"repair:{next(_numbers)}",
            kind=self.kind,
            subject_type=self.subject_type,
            subject_id=self.subject_id,
            given=self.given,
            reason=more.get("reason", REASON),
            evidence=EVIDENCE,
            digest=digest or self.look(actor).digest,
        )


def a_lost_payment(*, price: str = "20.00", minutes: int = 60) -> tuple[Escrow, Intent]:
    """A trade whose buyer has paid, and nothing of it is stored; `minutes` are left to pay."""
    trade = cast.a_waiting_trade(price=price, hours=48)
    intent = an_intent(
        price=Pricing.of(trade).buyer_total.plain(),
        purpose=PURPOSE,
        reference=trade.public_id,
        who=cast.bea(),
        minutes=minutes,
    )
    return trade, intent


def said_of(intent: Intent, **changes: str) -> dict[str, str]:
    """What somebody who saw the payment types into the form."""
    return {
        "intent": intent.public_id,
        "txid": a_txid(intent.pk),
        "amount": intent.pay_amount.plain(),
        "paid_at": f"{clock.now():%Y-%m-%dT%H:%M}",
        **changes,
    }


def a_payment() -> Mending:
    trade, intent = a_lost_payment()
    return Mending("confirm_payment", "escrow", trade.pk, said_of(intent), cast.bea())


def a_stray_deposit() -> Mending:
    intent = an_intent(who=cast.bea())
    stored(raw_of(intent, payment_id="pay_of_nobody", txid=a_txid("stray")))
    drain()
    return Mending("assign_deposit", "deposit", unassigned()[0].pk, {"intent": intent.public_id}, cast.bea())


def a_credit(amount: str = "12.50", source: str = "losses") -> Mending:
    given = {"amount": amount, "source": source, "target": "available"}
    return Mending("credit_user", "user", cast.bea().pk, given, cast.bea(), is_once=False)


def a_debt() -> Mending:
    owes(cast.bea(), "7.00")
    return Mending("forgive_debt", "user", cast.bea().pk, {"amount": ""}, cast.bea())


def a_wrong_operation() -> Mending:
    cast.give(cast.bea(), "5.00")
    wrong = Operation.objects.latest("pk")
    return Mending("reverse_operation", "operation", wrong.pk, {}, cast.bea())


def an_overdue_trade() -> Mending:
    trade = cast.a_delivered_trade()
    cast.set_back(trade, "inspection_ends_at")
    return Mending("move_escrow", "escrow", trade.pk, {"move": "complete"}, cast.sol())


MENDINGS: dict[str, Callable[[], Mending]] = {
    "confirm_payment": a_payment,
    "assign_deposit": a_stray_deposit,
    "credit_user": a_credit,
    "forgive_debt": a_debt,
    "reverse_operation": a_wrong_operation,
    "move_escrow": an_overdue_trade,
}


def everything() -> dict[str, Any]:
    """What a repair may change; what was refused or only looked at must leave it as it was."""
    return {
        "operations": Operation.objects.count(),
        "entries": Entry.objects.count(),
        "accounts": dict(Account.objects.exclude(balance=0, owes=0).values_list("code", "balance")),
        "events": Event.objects.count(),
        "deposits": list(Deposit.objects.values("pk", "state", "intent", "by_hand")),
        "inbox": InboxEvent.objects.count(),
        "trades": list(Escrow.objects.values("pk", "status", "version")),
        "repairs": list(Repair.objects.values("pk", "status")),
    }

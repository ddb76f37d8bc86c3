"""The repairs of money in (A3): confirm a payment by hand, give money in suspense to its request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q

from lockbay import clock
from payments.actions.assign_deposit import assign_deposit_within
from payments.actions.confirm_by_hand import confirm_by_hand_within
from payments.errors import AssignRefused
from payments.hand_written import HandWritten
from payments.interpreting import interpret
from payments.models import Deposit, InboxEvent, Intent
from payments.networks import NETWORKS, normal_txid
from payments.purposes import describe
from payments.states import DepositState, InboxStatus, IntentStatus, Outcome
from payments.suspense import suggestions_for
from wallets.errors import MalformedAmount, RepairRefused
from wallets.money import floored_money, parse_money
from wallets.repairs import Change, Order, Performed, register_repair
from wallets.reversible import advise_instead

# What moves with the clock: shown, but not a reason to look again.
_RUNNING = frozenset({"accept_by", "delivery_deadline"})


def register_repairs() -> None:
    """Called in AppConfig.ready."""
    register_repair(ConfirmPayment())
    register_repair(AssignDeposit())
    for prefix in ("deposit", "suspended_", "unclaimed"):
        advise_instead(prefix, "reverse_deposit")


@dataclass(frozen=True)
class Prefill:
    """What an event or a deposit says already; the person compares it with what the provider or the chain shows."""

    intent: str = ""
    amount: str = ""
    txid: str = ""
    paid_at: datetime | None = None


class ConfirmPayment:
    """A payment that happened and that no event tells us of: credited by the way of every payment, at its own time."""

    name = "confirm_payment"

    def offer(self, subject_type: str, subject_id: int) -> dict[str, Any] | None:
        """Where a request for money is: on a trade, a request, a pending deposit, an event, a person."""
        intents = _intents_of(subject_type, subject_id)
        if not intents:
            return None
        return {"intents": intents, "prefill": _prefill_of(subject_type, subject_id, intents)}

    def perform_within(self, order: Order) -> Performed:
        """Stores what the person says as an event and applies it; everything but a credit is refused."""
        intent = _intent(order)
        payment = _payment_of(order, intent)
        _require_news(intent, payment)
        before = describe(intent.purpose, intent.reference)
        verdict = confirm_by_hand_within(intent=intent, payment=payment)
        if verdict.outcome != Outcome.APPLIED or not verdict.operations:
            raise RepairRefused(_code_of(verdict.reason), reason=verdict.reason.strip().rpartition("\n")[2])
        after = describe(intent.purpose, intent.reference)
        return Performed(
            changes=(
                Change("payment", intent.public_id, "", "confirmed"),
                Change(
                    "payment_time",
                    intent.public_id,
                    "",
                    f"{datetime.fromisoformat(payment.paid_at):%Y-%m-%d %H:%M} UTC",
                ),
                *changes_between(intent.reference, before, after),
            ),
            people=frozenset({intent.payer_id}) | _people_of(before),
        )


class AssignDeposit:
    """Money that waits in suspense goes to the request it belongs to (P12)."""

    name = "assign_deposit"

    def offer(self, subject_type: str, subject_id: int) -> dict[str, Any] | None:
        """On the page of a deposit in suspense."""
        if subject_type != "deposit":
            return None
        waiting = Deposit.objects.filter(pk=subject_id, intent__isnull=True, state=DepositState.CONFIRMED).first()
        return None if waiting is None else {"deposit": waiting, "suggestions": suggestions_for(waiting)}

    def perform_within(self, order: Order) -> Performed:
        """One operation, from suspense to the purpose of the request."""
        key = order.given.get("intent", "").strip()
        intent = Intent.objects.filter(public_id=key).first()
        before = describe(intent.purpose, intent.reference) if intent else {}
        try:
            deposit = assign_deposit_within(
                actor=order.actor, deposit_id=order.subject_id, intent_key=key, reason=order.reason
            )
        except AssignRefused as refusal:
            raise RepairRefused(f"assign_{refusal.reason}") from refusal
        assert intent is not None  # noqa: S101  the act has found it
        after = describe(intent.purpose, intent.reference)
        return Performed(
            changes=(
                Change("deposit", f"{deposit.pk}: {deposit.money}", "suspense", intent.public_id),
                *changes_between(intent.reference, before, after),
            ),
            people=frozenset({intent.payer_id}) | _people_of(before),
            mark=deposit.value_rate,
        )


def changes_between(name: str, before: dict[str, str], after: dict[str, str]) -> tuple[Change, ...]:
    """What became different; names that begin with "_" are for us alone."""
    return tuple(
        Change(what, name, before.get(what, ""), after.get(what, ""), is_running=what in _RUNNING)
        for what in after
        if not what.startswith("_") and before.get(what, "") != after[what]
    )


def _people_of(described: dict[str, str]) -> frozenset[int]:
    return frozenset(int(one) for one in described.get("_people", "").split(",") if one)


def _intent(order: Order) -> Intent:
    intents = _intents_of(order.subject_type, order.subject_id)
    wanted = order.given.get("intent", "").strip()
    found = next((one for one in intents if one.public_id == wanted), None)
    if found is None:
        raise RepairRefused("unknown_request")
    if not found.provider_payment_id or found.status != IntentStatus.OPEN:
        raise RepairRefused("request_without_address")
    return found


def _payment_of(order: Order, intent: Intent) -> HandWritten:
    try:
        money = parse_money(order.given.get("amount", ""), intent.pay_asset)
    except MalformedAmount:
        raise RepairRefused("amount_malformed") from None
    if not money:
        raise RepairRefused("amount_malformed")
    network = NETWORKS[intent.network]
    typed = order.given.get("txid", "").strip()
    txid = "" if typed == intent.provider_payment_id and network.chain != "bank" else normal_txid(network, typed)
    if not txid and typed != intent.provider_payment_id:
        raise RepairRefused("txid_malformed")
    known = Deposit.objects.filter(intent=intent, txid=txid).order_by("-look").first()
    return HandWritten(
        repair=order.key,
        payment_id=intent.provider_payment_id or "",
        reference=intent.public_id,
        network=intent.network,
        address=intent.address,
        asset=intent.pay_asset,
        amount=money.plain(),
        txid=txid,
        paid_at=_paid_at(order.given.get("paid_at", ""), intent).isoformat(),
        look=known.look if known else 0,
    )


def _paid_at(text: str, intent: Intent) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise RepairRefused("time_malformed") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if clock.now() < moment:
        raise RepairRefused("paid_in_the_future")
    if moment < intent.created_at.replace(second=0, microsecond=0):
        raise RepairRefused("paid_before_request", at=intent.created_at)
    return moment


def _require_news(intent: Intent, payment: HandWritten) -> None:
    """A transaction that is known already is not vouched for again; the right repair is named."""
    if not payment.txid:
        return
    known = Deposit.objects.filter(chain=NETWORKS[intent.network].chain, txid=payment.txid).first()
    if known is None or (known.state == DepositState.PENDING and known.intent_id == intent.pk):
        return
    if known.intent_id is None and known.state == DepositState.CONFIRMED:
        raise RepairRefused("assign_instead", deposit=known.pk)
    raise RepairRefused("credited_before" if known.intent_id == intent.pk else "credited_elsewhere", deposit=known.pk)


_KNOWN_REASONS = {
    "": "credited_before",
    "amount_differs": "amount_differs",
    "ambiguous_without_txid": "ambiguous",
    "credited_to_another_payment": "credited_elsewhere",
    "seen_for_another_payment": "credited_elsewhere",
    "amount_out_of_range": "amount_malformed",
    "overtaken": "overtaken",
}


def _code_of(reason: str) -> str:
    return "assign_rate_unavailable" if reason.startswith("rate_unavailable") else _KNOWN_REASONS.get(reason, "failed")


def _intents_of(subject_type: str, subject_id: int) -> Sequence[Intent]:
    """The requests that the subject can be about, newest first."""
    if subject_type == "intent":
        wanted = Q(pk=subject_id)
    elif subject_type == "user":
        wanted = Q(payer_id=subject_id)
    elif subject_type == "deposit":
        wanted = Q(deposits__pk=subject_id, deposits__state=DepositState.PENDING)
    elif subject_type == "inbox":
        wanted = _about(subject_id)
    else:
        reference = reference_of(subject_type, subject_id)
        if not reference:
            return ()
        wanted = Q(reference=reference)
    return list(Intent.objects.filter(wanted, status=IntentStatus.OPEN).select_related("payer").order_by("-pk")[:50])


def _about(inbox_id: int) -> Q:
    row = InboxEvent.objects.filter(pk=inbox_id).exclude(status=InboxStatus.APPLIED).first()
    if row is None:
        return Q(pk__in=[])
    reports = interpret([row])[0].reports
    ids = {name for report in reports for name in (report.payment_id, report.part) if name} | {row.payment_ref} - {""}
    references = {report.reference for report in reports if report.reference}
    return Q(provider=row.provider) & (Q(provider_payment_id__in=ids) | Q(public_id__in=references))


def _prefill_of(subject_type: str, subject_id: int, intents: Sequence[Intent]) -> Prefill:
    intent = intents[0]
    if subject_type == "deposit":
        known = Deposit.objects.get(pk=subject_id)
        return Prefill(
            intent.public_id, known.money.plain(), known.txid or known.provider_payment_id, known.first_seen_at
        )
    if subject_type == "inbox":
        row = InboxEvent.objects.get(pk=subject_id)
        told = next((one for one in interpret([row])[0].reports if one.received > 0), None)
        if told is not None:
            amount = _as_typed(told.received, intent)
            return Prefill(intent.public_id, amount, told.txid or told.payment_id, row.received_at)
    return Prefill(intent.public_id, intent.pay_amount.plain())


def _as_typed(received: Any, intent: Intent) -> str:
    try:
        return floored_money(received, intent.pay_asset).plain()
    except MalformedAmount:
        return ""


_references: dict[str, Any] = {}


def register_subject(subject_type: str, reference_of_pk: Any) -> None:
    """Rooms above say by which reference their rows ask for money."""
    _references[subject_type] = reference_of_pk


def reference_of(subject_type: str, subject_id: int) -> str:
    """The reference of a subject of a room above; "" for what asks for no money."""
    find = _references.get(subject_type)
    return find(subject_id) if find else ""

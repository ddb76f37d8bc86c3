"""Money that nobody can match (P12): what it is as a deposit, and which requests it may belong to."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from payments.interpreting import interpret
from payments.models import ChainClaim, Deposit, InboxEvent, Intent
from payments.networks import NETWORKS, normal_address, normal_txid
from payments.providers import provider_of
from payments.providers.base import PaymentReport
from payments.states import DepositState, Effect
from wallets.accounts import CLEARING, SUSPENSE, AccountCode, platform_account
from wallets.errors import MalformedAmount, UnknownAsset
from wallets.ledger import Leg
from wallets.money import Money, floored_money

_MOST = 5
_LOOK_AT = 200
_NEAR = timedelta(days=3)


@dataclass(frozen=True)
class Suggestion:
    """A request that a deposit may belong to, and why: claimed (the payer named its transaction),
    address, reference, amount, about_amount, time."""

    intent: Intent
    reasons: tuple[str, ...]


def unmatched_deposit(report: PaymentReport, *, confirmed_at: datetime) -> Deposit | None:
    """A confirmed payment without a request; None when its asset, network or amount cannot be read, and where the
    provider's signature does not prove that the money came to us."""
    if not provider_of(report.provider).proves_ours:
        return None
    network = NETWORKS.get(report.network)
    if network is None or not report.asset:
        return None
    try:
        money = floored_money(report.received, report.asset)
    except (MalformedAmount, UnknownAsset):
        return None
    if money.minor <= 0 or len(report.payment_id) > 100 or len(report.address) > 128:
        return None
    return Deposit(
        intent=None,
        provider=report.provider,
        provider_payment_id=report.part or report.payment_id,
        chain=network.chain,
        txid=normal_txid(network, report.txid),
        recipient=normal_address(network, report.address),
        asset=report.asset,
        minor=money.minor,
        raw_amount=str(report.received)[:80],
        state=DepositState.CONFIRMED,
        credits=1,
        first_seen_at=confirmed_at,
        confirmed_at=confirmed_at,
    )


def suspense_of(received: Money) -> AccountCode:
    """Where money waits that belongs to nobody yet."""
    return platform_account(SUSPENSE, received.asset)


def suspense_legs(deposit: Deposit) -> tuple[Leg, ...]:
    """clearing(coin) −received, suspense(coin) +received."""
    received = deposit.money
    return (platform_account(CLEARING, received.asset, deposit.provider), -received), (suspense_of(received), received)


def unassigned() -> list[Deposit]:
    """What waits in suspense, oldest first."""
    return list(Deposit.objects.filter(intent__isnull=True, state=DepositState.CONFIRMED).order_by("pk")[:_LOOK_AT])


def suggestions_for(deposit: Deposit) -> list[Suggestion]:
    """The likeliest requests first: same address or reference, same amount of the same coin, about the same time."""
    references = _references_of(deposit)
    alike = Q(pay_asset=deposit.asset, created_at__range=(deposit.first_seen_at - _NEAR, deposit.first_seen_at + _NEAR))
    near = Q(pay_minor__range=(deposit.minor * 9 // 10, deposit.minor * 11 // 10))
    wanted = (alike & near) | Q(public_id__in=references) | Q(reference__in=references)
    if deposit.recipient:
        wanted |= Q(address__iexact=deposit.recipient)
    claimed = _claimed_for(deposit)
    if claimed:
        wanted |= Q(pk__in=claimed)
    found = Intent.objects.filter(wanted).select_related("payer").order_by("-pk")[:_LOOK_AT]
    ranked = [(Suggestion(intent, _reasons(deposit, intent, references, claimed))) for intent in found]
    ranked.sort(key=lambda suggestion: _weight(suggestion.reasons), reverse=True)
    return [suggestion for suggestion in ranked if suggestion.reasons][:_MOST]


def _reasons(deposit: Deposit, intent: Intent, references: set[str], claimed: set[int]) -> tuple[str, ...]:
    found = ["claimed"] if intent.pk in claimed else []
    if deposit.recipient and intent.address.lower() == deposit.recipient.lower():
        found.append("address")
    if {intent.public_id, intent.reference} & references:
        found.append("reference")
    if intent.pay_asset == deposit.asset and intent.pay_minor == deposit.minor:
        found.append("amount")
    elif intent.pay_asset == deposit.asset and abs(intent.pay_minor - deposit.minor) * 10 <= intent.pay_minor:
        found.append("about_amount")
    if abs(intent.created_at - deposit.first_seen_at) <= _NEAR:
        found.append("time")
    return tuple(found)


def _weight(reasons: tuple[str, ...]) -> int:
    return sum(
        {"claimed": 16, "address": 8, "reference": 8, "amount": 4, "about_amount": 2, "time": 1}[reason]
        for reason in reasons
    )


def _claimed_for(deposit: Deposit) -> set[int]:
    """The requests for which somebody named this transaction: a stranger's word, good for a suggestion only."""
    if not deposit.txid:
        return set()
    named = ChainClaim.objects.filter(chain=deposit.chain, txid=deposit.txid)
    return set(named.values_list("intent", flat=True))


def _references_of(deposit: Deposit) -> set[str]:
    """What the events called it: a stranger's text, good for a suggestion only."""
    told = InboxEvent.objects.filter(
        provider=deposit.provider, payment_ref=deposit.provider_payment_id, effect=Effect.CREDITED
    )
    reports = [report for verdict in interpret(list(told[:10])) for report in verdict.reports]
    return {report.reference for report in reports if report.reference}

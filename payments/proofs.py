"""This room's part of the proof of the books (B8): what the ledger cannot know about events and deposits."""

from collections.abc import Iterator

from django.db.models import Count, F, Q
from django.db.models.functions import Lower

from payments.actions.credit_deposit import credit_key_of
from payments.actions.revert_deposit import uncredit_key_of
from payments.models import Deposit, InboxEvent
from payments.states import DepositState, Effect, InboxStatus
from wallets.models import Operation
from wallets.proof import Breach, register_rule

_CHUNK = 2_000
_RECENT = 10_000  # rows that an incremental run looks at


def register_rules() -> None:
    """Called in AppConfig.ready."""
    register_rule("inbox_applied_has_operations", applied_events_have_operations)
    register_rule("deposit_confirmed_has_operation", confirmed_deposits_have_operations)
    register_rule("deposit_vanished_is_taken_back", vanished_deposits_are_taken_back)
    register_rule("deposit_once", one_deposit_per_payment)


def applied_events_have_operations(full: bool) -> Iterator[Breach]:
    """Every applied event that credited names operations, and each of them exists; an applied event did something."""
    rows = InboxEvent.objects.filter(Q(status=InboxStatus.APPLIED) | ~Q(operations=[]))
    for chunk in _chunks(rows.values_list("pk", "effect", "operations"), full):
        known = _known_operations([key for _, _, keys in chunk for key in keys])
        for pk, effect, keys in chunk:
            missing = [key for key in keys if key not in known]
            if missing:
                yield Breach("inbox_applied_has_operations", f"inbox {pk}", f"operations missing: {missing}")
            elif effect == Effect.NONE or (effect == Effect.CREDITED and not keys):
                yield Breach("inbox_applied_has_operations", f"inbox {pk}", f"applied without effect: {effect!r}")


def confirmed_deposits_have_operations(full: bool) -> Iterator[Breach]:
    """Every confirmed deposit was credited by an operation under its key."""
    rows = Deposit.objects.filter(state=DepositState.CONFIRMED).only("pk", "credits", "asset")
    for chunk in _chunks(rows, full):
        known = _known_operations([credit_key_of(deposit) for deposit in chunk])
        for deposit in chunk:
            if credit_key_of(deposit) not in known:
                yield Breach(
                    "deposit_confirmed_has_operation", f"deposit {deposit.pk}", "confirmed, not posted", deposit.asset
                )


def vanished_deposits_are_taken_back(full: bool) -> Iterator[Breach]:
    """Of every deposit that was credited, the latest credit is taken back exactly when the deposit is pending (P7)."""
    rows = Deposit.objects.filter(credits__gt=0).only("pk", "credits", "asset", "state")
    for chunk in _chunks(rows, full):
        known = _known_operations([uncredit_key_of(deposit) for deposit in chunk])
        for deposit in chunk:
            is_taken_back = uncredit_key_of(deposit) in known
            if is_taken_back != (deposit.state != DepositState.CONFIRMED):
                detail = f"{deposit.state}, and credit {deposit.credits} is {'' if is_taken_back else 'not '}taken back"
                yield Breach("deposit_vanished_is_taken_back", f"deposit {deposit.pk}", detail, deposit.asset)


def one_deposit_per_payment(full: bool) -> Iterator[Breach]:
    """One deposit per (chain, txid, recipient), whatever the spelling. The constraint says it; the proof does not
    believe it."""
    if not full:
        return
    doubles = (
        Deposit.objects.exclude(txid="")
        .exclude(chain="solana")
        .values("chain", txid_key=Lower("txid"), recipient_key=Lower("recipient"))
        .annotate(times=Count("pk"))
        .filter(times__gt=1)
    )
    for double in doubles:
        yield Breach("deposit_once", f"{double['chain']} {double['txid_key']}", f"{double['times']} deposits")
    for deposit in (
        Deposit.objects.filter(txid="", intent__provider=F("provider"))
        .values("provider", "provider_payment_id")
        .annotate(times=Count("pk"))
        .filter(times__gt=1)
    ):
        yield Breach(
            "deposit_once", f"{deposit['provider']} {deposit['provider_payment_id']}", f"{deposit['times']} deposits"
        )


def _chunks(rows, full: bool):  # type: ignore[no-untyped-def]
    ordered = rows.order_by("-pk")
    chunk = []
    for row in (ordered if full else ordered[:_RECENT]).iterator(chunk_size=_CHUNK):
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _known_operations(keys: list[str]) -> set[str]:
    return set(Operation.objects.filter(key__in=keys).values_list("key", flat=True))

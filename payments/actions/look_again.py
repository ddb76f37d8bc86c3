"""Looks again at a claimed transaction that came to nothing, for real or as a dry run that shows what the checks say
now and what would change (P4)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import NewEvent, record
from lockbay.http import refuse_inside_transaction
from payments import evidence
from payments.actions.apply_event import drain
from payments.actions.look_at_claim import look_at_claim
from payments.actions.receive_event import receive_answer
from payments.actions.replay_event import ReplayReport, replay_within
from payments.chains.base import Wait
from payments.errors import LookRefused
from payments.models import ChainClaim, Deposit, InboxEvent
from payments.providers.onchain import OnChain
from payments.states import ClaimState

if TYPE_CHECKING:
    from lockbay.people.models import User

_BUDGET_MS = 10_000
Checks = list[list[Any]]


@dataclass(frozen=True)
class LookReport:
    """What a look found: the claim before and after, the checks as [name, passed, detail], and what the evidence does
    to the books (None when it does nothing, and after a real look, which leaves that to the inbox)."""

    claim_id: int
    is_dry_run: bool
    state_before: str
    state: str
    reason: str
    checks_before: Checks
    checks: Checks
    effect: ReplayReport | None

    @property
    def is_change(self) -> bool:
        """True when the claim, or the books, would not stay as they are."""
        return self.state != self.state_before or (self.effect is not None and self.effect.is_change)


def look_again(*, actor: "User | None", claim_id: int, dry_run: bool, reason: str = "") -> LookReport:
    """One look whatever became of the claim before, outside any transaction. For real, it is opened again and looked
    at by the very path of the worker; whatever was credited or booked before is not booked twice.

    A dry run writes nothing but the note that the nodes were asked (P11).
    Raises: LookRefused: reason_missing, not_found, already_proven, on_the_desk (its money waits for a person there).
    """
    refuse_inside_transaction()
    if not dry_run and not reason.strip():
        raise LookRefused("reason_missing")
    claim = ChainClaim.objects.select_related("intent").filter(pk=claim_id).first()
    if claim is None:
        raise LookRefused("not_found")
    if dry_run:
        return _dry_run(claim)
    _open_again(claim, actor, reason)
    if look_at_claim(claim_id=claim.pk) is not None:
        drain(_BUDGET_MS)
    found = ChainClaim.objects.get(pk=claim.pk)
    return LookReport(claim.pk, False, claim.state, found.state, found.note, claim.results, found.results, effect=None)


def _dry_run(claim: ChainClaim) -> LookReport:
    provider = OnChain()
    try:
        raw = provider.ask_about(claim)
    except Wait as why:
        reason = evidence.reason_of(why)
        return LookReport(claim.pk, True, claim.state, ClaimState.WAITING, reason, claim.results, [], effect=None)
    found = evidence.read(raw, claim.intent.public_id)
    assert found is not None  # noqa: S101  ask_about always tells of a claim
    standing, reason = found.standing()
    effect = _effect_of(claim, provider, raw)
    state = claim.state if _is_on_the_desk(claim) else ClaimState(standing.value)
    return LookReport(claim.pk, True, claim.state, state, reason, claim.results, found.results, effect)


def _effect_of(claim: ChainClaim, provider: OnChain, raw: bytes) -> ReplayReport | None:
    """What applying the evidence would do, found out by doing it and taking it back."""
    payment_id = claim.intent.public_id
    if not provider.read_answer(raw, payment_id):
        return None
    with transaction.atomic(durable=True):
        inbox_id = receive_answer(provider=provider, raw=raw, payment_id=payment_id)
        report = None
        if inbox_id is not None:  # else these very words were heard and applied before
            report = replay_within(InboxEvent.objects.get(pk=inbox_id), is_dry_run=True)
        transaction.set_rollback(True)
    return report


def _open_again(claim: ChainClaim, actor: "User | None", reason: str) -> None:
    with transaction.atomic(durable=True):
        locked = ChainClaim.objects.select_for_update(no_key=True).get(pk=claim.pk)
        if locked.state == ClaimState.PROVEN:
            raise LookRefused("already_proven")
        if _is_on_the_desk(locked):
            raise LookRefused("on_the_desk")
        locked.state, locked.next_look_at = ClaimState.WAITING, clock.real_now()
        locked.save(update_fields=["state", "next_look_at"])
        record([_event(claim, actor, reason)])


def _is_on_the_desk(claim: ChainClaim) -> bool:
    return Deposit.objects.filter(chain=claim.chain, txid=claim.txid, intent=None).exists()


def _event(claim: ChainClaim, actor: "User | None", reason: str) -> NewEvent:
    return NewEvent(
        kind=Kind.CLAIM_OPENED_AGAIN,
        subject_type="claim",
        subject_id=claim.pk,
        actor_id=None if actor is None else actor.pk,
        data={"reason": reason.strip()[:500], "before": claim.state, "note": claim.note, "txid": claim.txid},
        correlation_id=claim.correlation_id,
    )

"""Joining a trade by its invitation: this binds the account (E3)."""

from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.actions.invite import SUBJECT
from escrows.errors import InviteUnknown, InviteUsed, SelfTrade, WrongStatus
from escrows.models import Escrow, Side
from escrows.moving import amend
from escrows.recounting import escrow_event
from escrows.states import JOINABLE
from lockbay import clock
from lockbay.events.kinds import Kind
from lockbay.events.recording import record
from lockbay.people.models import InviteToken, User


def join_escrow(*, actor: User, token: str) -> Escrow:
    """Binds `actor` to the free side. Opening a link that the same person used before returns the trade again.

    Raises: InviteUnknown, InviteUsed (by somebody else), SelfTrade, WrongStatus.
    """
    with transaction.atomic(durable=True):
        escrow = lock_escrow(None, _invite_of(token).subject_id)
        invite = _invite_of(token)  # as it is under the trade's lock
        if invite.used_by_id is not None:
            if invite.used_by_id == actor.pk:
                return escrow
            raise InviteUsed
        _require_can_join(escrow, actor, Side(invite.role))
        amend(escrow, {f"{invite.role}_id": actor.pk}, allowed=JOINABLE)
        InviteToken.objects.filter(pk=invite.pk).update(used_by=actor, used_at=clock.now())
        record([escrow_event(Kind.ESCROW_PARTY_JOINED, escrow, actor, side=invite.role)])
    return escrow


def _invite_of(token: str) -> InviteToken:
    digest = InviteToken.digest_of(token)
    invite = InviteToken.objects.filter(digest=digest, subject_type=SUBJECT).first()
    if invite is None:
        raise InviteUnknown
    return invite


def _require_can_join(escrow: Escrow, actor: User, role: Side) -> None:
    if side_of(escrow, actor) is not None:
        raise SelfTrade
    if escrow.status not in JOINABLE:
        raise WrongStatus(escrow.status, ",".join(sorted(JOINABLE)))
    if getattr(escrow, f"{role}_id") is not None:
        raise InviteUsed

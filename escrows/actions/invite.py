"""The invitation of the other side: a one-use random token (E3)."""

from django.db import transaction

from escrows.access import lock_escrow, side_of
from escrows.models import Side
from escrows.policy import require_can_invite
from lockbay.people.models import InviteToken, User

SUBJECT = "escrow"


def make_invite(*, actor: User, escrow_id: int) -> str:
    """A fresh token for the free side; it replaces an unused older one. Raises: NotFound, WrongStatus, NotAllowed."""
    with transaction.atomic(durable=True):
        escrow = lock_escrow(actor, escrow_id)
        require_can_invite(escrow, actor)
        free = Side.SELLER if side_of(escrow, actor) == Side.BUYER else Side.BUYER
        InviteToken.objects.filter(subject_type=SUBJECT, subject_id=escrow.pk, used_at__isnull=True).delete()
        _invite, token = InviteToken.make(subject_type=SUBJECT, subject_id=escrow.pk, role=free.value, made_by=actor)
    return token

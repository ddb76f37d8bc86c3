"""The repairs of trades (A3): a trade is moved along its table by the acts that exist, never by writing a status."""

from collections.abc import Callable
from typing import Any

from escrows.actions.cancel_by_staff import cancel_by_staff_within
from escrows.actions.complete_release import complete_release_within
from escrows.actions.end_frozen import end_frozen_escrow_within
from escrows.actions.expire import expire_escrow_within
from escrows.actions.refund_unaccepted import refund_unaccepted_within
from escrows.errors import EscrowRefusal, NotAllowed, SnapshotMalformed, WrongStatus
from escrows.models import Escrow
from escrows.queries import PURPOSE
from escrows.states import CANCELLABLE, HOLDS_MONEY, PAYABLE, RELEASABLE, TRANSITIONS, Status
from payments.purposes import register_describer
from payments.repair_kinds import changes_between, register_subject
from wallets.accounts import hold_account
from wallets.errors import RepairRefused
from wallets.queries import balance_of
from wallets.repairs import Order, Performed, register_repair
from wallets.reversible import advise_instead

# name → (the act, from where)
_MOVES: dict[str, tuple[Callable[..., Escrow], frozenset[Status]]] = {
    "complete": (complete_release_within, RELEASABLE),
    "refund": (refund_unaccepted_within, frozenset({Status.PAYMENT_CONFIRMED})),
    "cancel": (cancel_by_staff_within, CANCELLABLE),
    "expire": (expire_escrow_within, PAYABLE),
    "end_frozen": (end_frozen_escrow_within, HOLDS_MONEY),
}
_MOMENTS = ("expires_at", "payment_confirmed_at", "accept_by", "delivery_deadline", "inspection_ends_at", "frozen_at")


def register_repairs() -> None:
    """Called once at start."""
    register_repair(MoveEscrow())
    register_subject("escrow", _public_id)
    register_describer(PURPOSE, describe_escrow)
    advise_instead("escrow_", "reverse_escrow")


class MoveEscrow:
    """One step of a trade's life that is due and that nobody takes."""

    name = "move_escrow"

    def offer(self, subject_type: str, subject_id: int) -> dict[str, Any] | None:
        """On the page of a trade that goes on, with the moves that its status allows."""
        escrow = Escrow.objects.filter(pk=subject_id).first() if subject_type == "escrow" else None
        if escrow is None or not TRANSITIONS[Status(escrow.status)]:
            return None
        return {"escrow": escrow, "moves": _moves_of(escrow)}

    def perform_within(self, order: Order) -> Performed:
        """The act with the staff member as its actor; what it refuses is refused here."""
        move = order.given.get("move", "")
        escrow = Escrow.objects.filter(pk=order.subject_id).first() if order.subject_type == "escrow" else None
        if escrow is None:
            raise RepairRefused("not_found")
        if move not in _MOVES:
            raise RepairRefused("choose_move")
        before = describe_escrow(escrow.public_id)
        stake = balance_of(hold_account(escrow.public_id, escrow.asset))
        try:
            moved = _MOVES[move][0](actor=order.actor, escrow_id=escrow.pk, note=order.reason)
        except (EscrowRefusal, SnapshotMalformed) as refusal:
            raise _refused(refusal) from refusal
        after = describe_escrow(escrow.public_id)
        return Performed(
            changes=changes_between(escrow.public_id, before, after),
            people=frozenset({pk for pk in (escrow.buyer_id, escrow.seller_id) if pk is not None}),
            stake=stake,
            mark=f"{moved.version}",
        )


def describe_escrow(public_id: str) -> dict[str, str]:
    """What staff are shown of a trade before and after a repair; "_people" are its parties."""
    escrow = Escrow.objects.filter(public_id=public_id).first()
    if escrow is None:
        return {}
    moments = {name: getattr(escrow, name) for name in _MOMENTS}
    parties = (escrow.buyer_id, escrow.seller_id)
    return {
        "status": str(escrow.status),
        "deposit_reference": escrow.deposit_reference,
        "close_reason": escrow.close_reason,
        **{name: f"{at:%Y-%m-%d %H:%M} UTC" if at else "" for name, at in moments.items()},
        "_people": ",".join(str(pk) for pk in parties if pk is not None),
    }


def _moves_of(escrow: Escrow) -> list[str]:
    is_frozen = escrow.frozen_at is not None
    return [
        name
        for name, (_act, sources) in _MOVES.items()
        if escrow.status in sources and is_frozen == (name == "end_frozen")
    ]


def _public_id(pk: int) -> str:
    return Escrow.objects.filter(pk=pk).values_list("public_id", flat=True).first() or ""


def _refused(refusal: Exception) -> RepairRefused:
    if isinstance(refusal, NotAllowed):
        return RepairRefused(f"escrow_{refusal.reason.value}", until=refusal.until)
    if isinstance(refusal, WrongStatus):
        return RepairRefused("escrow_wrong_status", current=refusal.current)
    return RepairRefused("escrow_malformed" if isinstance(refusal, SnapshotMalformed) else "not_found")

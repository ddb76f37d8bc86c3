"""How far a pasted transaction is, for the payment screen: ●●●○○ 12/20, last checked 14:02 (T5)."""

from dataclasses import dataclass
from datetime import datetime

from payments.models import ChainClaim, Intent
from payments.states import ClaimState

_DOTS = 5


@dataclass(frozen=True)
class ClaimView:
    """A claimed transaction in the eyes of its payer. `reason` is the check that failed, or why nothing is known;
    `reference` finds everything about it at our desk (P11)."""

    txid: str
    state: str
    reason: str
    dots: str
    confirmations: int
    needed: int
    looked_at: datetime | None
    reference: str
    has_vanished: bool  # it was believed before, and is no more (P7)


def claim_shown(intent: Intent) -> ChainClaim | None:
    """The claim that the payer waits for, else the last one that came to nothing; a proven one shows as the payment."""
    claims = list(ChainClaim.objects.filter(intent=intent).exclude(state=ClaimState.PROVEN).order_by("-pk"))
    alive = [claim for claim in claims if claim.state in {ClaimState.WAITING, ClaimState.HELD}]
    return next(iter(alive or claims), None)


def view_of_claim(claim: ChainClaim) -> ClaimView:
    """The claim as the template reads it."""
    needed = max(claim.confirmations_needed, 1)
    full = min(claim.confirmations * _DOTS // needed, _DOTS)
    return ClaimView(
        txid=f"{claim.txid[:10]}…{claim.txid[-6:]}",
        state=claim.state,
        reason=claim.note,
        dots="●" * full + "○" * (_DOTS - full),
        confirmations=min(claim.confirmations, needed),
        needed=needed,
        looked_at=claim.looked_at,
        reference=claim.correlation_id,
        has_vanished=claim.state == ClaimState.WAITING and claim.vanished_look > 0,
    )


def version_of(claim: ChainClaim) -> str:
    """Differs whenever the screen should; at most eleven characters."""
    looked = int(claim.looked_at.timestamp()) if claim.looked_at else 0
    return f"c{claim.pk % 1_000}.{looked % 1_000_000}"

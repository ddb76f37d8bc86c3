"""Who may repair (A3, A4), and the words that every repair needs."""

from lockbay.people.models import User
from wallets.errors import RepairRefused
from wallets.models import Repair
from wallets.withdrawal_policy import is_same_person, may_decide

TEXT_LONGEST = 500


def require_may_repair(actor: User) -> None:
    """Operators and owners of the house; auditors and mediators look. Raises: RepairRefused."""
    if not may_decide(actor):
        raise RepairRefused("staff_only")


def require_reason(reason: str) -> str:
    """The reason, cleaned. Raises: RepairRefused."""
    cleaned = clean(reason)
    if not cleaned:
        raise RepairRefused("needs_reason")
    return cleaned


def require_another(actor: User, repair: Repair) -> None:
    """The second person is a different one, under whichever account. Raises: RepairRefused."""
    is_same_mail = bool(actor.email) and actor.email.casefold() == repair.asked_by.email.casefold()
    if is_same_mail or is_same_person(actor, repair.asked_by_id):
        raise RepairRefused("same_person")


def clean(text: str) -> str:
    """What a person wrote, without what no database keeps, cut to what fits."""
    return text.replace("\x00", "").strip()[:TEXT_LONGEST]

"""Who may take on incidents, by whatever button (A4)."""

from lockbay.people.models import User
from notifications.errors import IncidentNotTheirs


def may_take_on(user: User) -> bool:
    """Active staff with the right to change incidents: operators and owners."""
    return bool(user.is_active and user.is_staff and user.has_perm("notifications.change_incident"))


def require_may_take_on(user: User) -> None:
    """Raises: IncidentNotTheirs."""
    if not may_take_on(user):
        raise IncidentNotTheirs

"""Who may repair payments: the right to replay an event stands for all of it."""

from lockbay.people.models import User

RIGHT = "payments.change_inboxevent"


def staff_member(username: str) -> User | None:
    """The active member of staff of that name who has the right; None when there is none."""
    user = User.objects.filter(username=username, is_active=True, is_staff=True).first()
    return user if user is not None and user.has_perm(RIGHT) else None

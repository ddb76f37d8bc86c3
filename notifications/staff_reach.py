"""Whether staff can be reached: what each of their channels said to the newest message for it (O4)."""

from collections.abc import Mapping

from django.conf import settings

from lockbay import clock
from notifications import staff_chat
from notifications.channels import STAFF_CHANNELS, channel_of
from notifications.models import Delivery, DeliveryState, PendingFanout, StaffNotice

TOLD = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.OPENED)
_WAITING = (DeliveryState.QUEUED, DeliveryState.SENDING)


def staff_audiences() -> Mapping[str, str]:
    """The staff's channels that are set up: how monitors may call each → the audience of its deliveries.

    Addresses have numbers here: /ready is for everybody to read.
    """
    mail = [f"staff:{address}" for address in settings.STAFF_EMAILS]
    names = {f"email {number}" if len(mail) > 1 else "email": audience for number, audience in enumerate(mail, 1)}
    names |= {channel: f"staff:{channel}" for channel in STAFF_CHANNELS if channel_of(channel).is_configured()}
    return names | ({"staff chat": staff_chat.AUDIENCE} if staff_chat.is_configured() else {})


def newest_test() -> StaffNotice | None:
    """The newest test message that a start asked for."""
    return StaffNotice.objects.filter(key__startswith="start:", event__isnull=False).order_by("-pk").first()


def troubles() -> dict[str, str]:
    """What is wrong, by name of the channel: its newest message failed, or it did not take the newest test in time.

    A later message that it takes ends the trouble.
    """
    overdue = _overdue_test()
    found = {name: _trouble_with(audience, overdue) for name, audience in staff_audiences().items()}
    return {name: trouble for name, trouble in found.items() if trouble}


def _overdue_test() -> StaffNotice | None:
    newest = newest_test()
    return newest if newest and newest.made_at < clock.real_now() - settings.START_TEST_LIMIT else None


def _trouble_with(audience: str, overdue: StaffNotice | None) -> str:
    to_them = Delivery.objects.filter(recipient__isnull=True, audience=audience)
    last = to_them.filter(state__in=[*TOLD, DeliveryState.FAILED]).order_by("-pk").first()
    if last is not None and last.state == DeliveryState.FAILED:
        return f"failed, {last.error}" if last.error else "failed"
    if overdue is None or (last is not None and last.sent_at is not None and last.sent_at >= overdue.made_at):
        return ""
    if PendingFanout.objects.filter(pk=overdue.event_id).exists():
        return f"nobody sends the test of {overdue.made_at:%H:%M}"
    waits = to_them.filter(event=overdue.event, state__in=_WAITING).first()
    return f"has not taken the test of {overdue.made_at:%H:%M}, {waits.error or 'not tried'}" if waits else ""

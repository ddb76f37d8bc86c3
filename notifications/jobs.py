"""The worker's part: fan-out, its channels, and fallback from channels that took too long. All without the bot."""

import time

from lockbay import clock, jobs
from notifications import alert_limits, fallback, outbound, told, tracking
from notifications.digest import record_digest
from notifications.escalation import escalate_due
from notifications.fanout import fan_out as fan_out_batch
from notifications.incident_ends import close_quiet

# The schedule comes by once a minute; a limit that ends before its next visit is waited for, within this time. With a
# channel's time and a mail server that hangs (2 × EMAIL_TIMEOUT) it stays below the queue's 60 s for a task.
_LONGEST_WAIT_SECONDS = 15.0
_CHANNEL_SECONDS = 12.0
_CHANNEL_MESSAGES = 500


def fan_out() -> None:
    """Woken by every transaction that recorded something to tell; also sends at once what is due."""
    while fan_out_batch():
        pass
    while fallback.open_overdue_fallbacks():
        pass
    if outbound.send_due(limit=_CHANNEL_MESSAGES, seconds=_CHANNEL_SECONDS) and outbound.is_anything_due():
        jobs.wake("fan_out")  # a thousand at once are not left for the schedule's next visits (F14)


def send_fallbacks() -> None:
    """Opens and sends what a channel did not deliver within its limit, also limits that end in the next seconds."""
    ends = time.monotonic() + _LONGEST_WAIT_SECONDS
    fallback.skip_stale()
    while True:
        fan_out()
        soonest = fallback.soonest_fallback()
        if soonest is None:
            return
        pause = max(1.0, (soonest - clock.real_now()).total_seconds())
        if time.monotonic() + pause > ends:
            return
        time.sleep(pause)


def note_who_was_told() -> None:
    """The sweep behind the channels' reports and behind every "sent": what a killed process left is finished (N8)."""
    tracking.match_early_reports()
    told.start_waiting_clocks()


def look_after_incidents() -> None:
    """Calls more people to what nobody took on, and closes what is over."""
    while escalate_due():
        pass
    while close_quiet():
        pass


def send_digest() -> None:
    """Once a day, from the hour on that the settings name."""
    record_digest()


def forget_old_reports() -> None:
    """Once a day."""
    tracking.forget_old_reports()
    alert_limits.forget_old_windows(clock.real_now())

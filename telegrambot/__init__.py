"""Telegram in, Telegram out."""

import os

# The library's own switch to times as timedelta; without it every "retry after" answer raises a deprecation warning.
os.environ.setdefault("PTB_TIMEDELTA", "true")

"""The WSGI application that the web processes serve. Rates are known before the first request is taken (R3)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lockbay.settings")
application = get_wsgi_application()

from lockbay.checks import refuse_unsafe_settings  # noqa: E402  the apps must be loaded first
from payments.rates.prewarm import start_prewarm_in_web  # noqa: E402

refuse_unsafe_settings()
start_prewarm_in_web()

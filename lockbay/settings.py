"""Every setting of LockBay, in one file. Values come from the environment through env.py; .env.example lists them."""

from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy

from lockbay import env
from lockbay.observability.logging import logging_config

# --- Where we are ------------------------------------------------------------------------------------------------

BASE_DIR = Path(__file__).resolve().parent.parent
LOCKBAY_MODE = env.read_choice("LOCKBAY_MODE", ["production", "sandbox", "test"], "production")
SANDBOX = LOCKBAY_MODE == "sandbox"
PLAYGROUND = LOCKBAY_MODE in {"sandbox", "test"}  # play money, known keys, a clock that can be moved
VAR_DIR = env.read_path("LOCKBAY_VAR_DIR", BASE_DIR / "var")

# --- Django ------------------------------------------------------------------------------------------------------

DEBUG = env.read_bool("LOCKBAY_DEBUG", False)
SECRET_KEY = env.read_str(
    "SECRET_KEY", *(["playground-key-known-to-everybody-never-in-production"] if PLAYGROUND else [])
)
ALLOWED_HOSTS = env.read_list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "testserver"] if PLAYGROUND else [])
ROOT_URLCONF = "lockbay.urls"
WSGI_APPLICATION = "lockbay.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "people.User"

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_q",
    "anymail",
    "lockbay",
    "lockbay.people",
    "lockbay.events",
    "wallets",
    "payments",
    "escrows",
    "notifications",
    "telegrambot",
]

MIDDLEWARE = [
    "lockbay.observability.middleware.CorrelationIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- Database (B9) -----------------------------------------------------------------------------------------------

SQLITE_BUSY_SECONDS = 30
_SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": env.read_path("SQLITE_PATH", VAR_DIR / "lockbay.sqlite3"),
    "OPTIONS": {
        "timeout": SQLITE_BUSY_SECONDS,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    },
    "TEST": {"NAME": VAR_DIR / "test.sqlite3"},
}
_POSTGRES = env.read_database("DATABASE_URL")
# The pool belongs to web and bot only: shared across the worker's forks it would break (see docs/running.md).
DATABASE_POOL = env.read_bool("DATABASE_POOL", False)
if _POSTGRES is not None:
    _POSTGRES.setdefault("OPTIONS", {})
    _POSTGRES["CONN_HEALTH_CHECKS"] = True
    if DATABASE_POOL:
        _POSTGRES["CONN_MAX_AGE"] = 0
        _POSTGRES["OPTIONS"]["pool"] = {
            "min_size": env.read_int("DATABASE_POOL_MIN", 1, least=0),
            "max_size": env.read_int("DATABASE_POOL_MAX", 8, least=1),
            "timeout": env.read_int("DATABASE_POOL_TIMEOUT_SECONDS", 5, least=1),  # providers give up after 10
            "max_lifetime": 1800,
        }
    else:
        _POSTGRES["CONN_MAX_AGE"] = env.read_int("DATABASE_CONN_MAX_AGE", 60, least=0)
DATABASES = {"default": _POSTGRES or _SQLITE}
ATOMIC_REQUESTS = False

# --- Cache, static files, language -------------------------------------------------------------------------------

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_USE_FINDERS = PLAYGROUND
WHITENOISE_AUTOREFRESH = False
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
FORMAT_MODULE_PATH = ["lockbay.formats"]
USE_TZ = True
TIME_ZONE = "UTC"

# --- Security ----------------------------------------------------------------------------------------------------

SESSION_COOKIE_SECURE = not PLAYGROUND
CSRF_COOKIE_SECURE = not PLAYGROUND
SECURE_SSL_REDIRECT = env.read_bool("SECURE_SSL_REDIRECT", not PLAYGROUND)
SECURE_REDIRECT_EXEMPT = [r"^health$", r"^ready$", r"^metrics$"]
SECURE_HSTS_SECONDS = 0 if PLAYGROUND else env.read_int("SECURE_HSTS_SECONDS", 31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = not PLAYGROUND
SECURE_HSTS_PRELOAD = not PLAYGROUND
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.read_bool("BEHIND_TLS_PROXY", False) else None
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

# --- Addresses of our own processes ------------------------------------------------------------------------------

PUBLIC_URL = env.read_str("PUBLIC_URL", *(["http://127.0.0.1:8000"] if PLAYGROUND else [])).rstrip("/")
SANDBOX_URL = env.read_str("SANDBOX_URL", "http://127.0.0.1:8081").rstrip("/")
SANDBOX_STAFF_LOGIN = "olu"
SANDBOX_STAFF_TELEGRAM_ID = 741520963  # who presses the buttons in the sandbox's staff group
SANDBOX_STAFF_PASSWORD = "playground"  # noqa: S105  a demo login that exists in sandbox mode only

# --- Jobs (django-q2; the reasons for each number are in docs/running.md) ------------------------------------------

TASK_SECONDS = 60  # of one task, after which it is killed; a job may ask for more (lockbay/jobs.py)
Q_CLUSTER = {
    "name": "lockbay",
    "orm": "default",
    "workers": env.read_int("WORKER_PROCESSES", 2, least=1),
    "timeout": TASK_SECONDS,
    "retry": 3_900,
    "queue_limit": 4,
    "bulk": 1,
    "poll": 0.2,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": 0,
    "catch_up": False,
    "recycle": 500,
    "max_rss": 180_000,
    "guard_cycle": 1,
}
JOB_LEASE = timedelta(seconds=60)
WORKER_WATCHDOG_SECONDS = env.read_int("WORKER_WATCHDOG_SECONDS", 60, least=5)  # `manage.py up` asks for beats itself

# --- Health and metrics (O4, O5) -----------------------------------------------------------------------------------

HEALTH_CHECK_SECONDS = 3.0  # for all checks together
# The queue's schedules tick every 30 s and the beat is due each minute: without a watchdog it may be 90 s old.
WORKER_HEARTBEAT_LIMIT = timedelta(seconds=env.read_int("WORKER_HEARTBEAT_LIMIT_SECONDS", 150, least=5))
BOT_HEARTBEAT_LIMIT = timedelta(seconds=env.read_int("BOT_HEARTBEAT_LIMIT_SECONDS", 30, least=5))
# Messages that a channel does not take for so long turn /ready red, when there are several.
CHANNEL_BACKLOG_LIMIT = timedelta(seconds=env.read_int("CHANNEL_BACKLOG_LIMIT_SECONDS", 600, least=1))
INBOX_BACKLOG_LIMIT = timedelta(seconds=env.read_int("INBOX_BACKLOG_LIMIT_SECONDS", 300, least=1))
METRICS_TOKEN = env.read_str("METRICS_TOKEN", "")

# --- Escrow policy (rule ids beside each) --------------------------------------------------------------------------

ESCROW_MIN_USD = env.read_decimal("ESCROW_MIN_USD", Decimal("2.00"))  # E3
ESCROW_MAX_USD = env.read_decimal("ESCROW_MAX_USD", Decimal("500.00"))  # E3
ESCROW_DAILY_LIMIT = env.read_int("ESCROW_DAILY_LIMIT", 10, least=1)  # E3
ESCROW_FEE_PERCENT = env.read_decimal("ESCROW_FEE_PERCENT", Decimal("5"))  # E4
ESCROW_MIN_FEE_USD = env.read_decimal("ESCROW_MIN_FEE_USD", Decimal("0"))  # E4: optional minimum fee ...
ESCROW_MIN_FEE_UP_TO_USD = env.read_decimal("ESCROW_MIN_FEE_UP_TO_USD", Decimal("0"))  # ... up to and including
OFFER_WINDOW = timedelta(hours=env.read_int("OFFER_WINDOW_HOURS", 7 * 24, least=1))  # an offer nobody pays ends
PAYMENT_WINDOW = timedelta(minutes=env.read_int("PAYMENT_WINDOW_MINUTES", 60, least=1))  # E6
ACCEPT_WINDOW = timedelta(hours=env.read_int("ACCEPT_WINDOW_HOURS", 24, least=1))  # E11
UNTOLD_LIMIT = timedelta(hours=env.read_int("UNTOLD_LIMIT_HOURS", 24, least=1))  # N8
INSPECTION_HOURS = env.read_int("INSPECTION_HOURS", 24, least=1)  # E12
CHOICE_WINDOW = timedelta(hours=env.read_int("CHOICE_WINDOW_HOURS", 24, least=1))  # E8, a payment that is too short
RELEASE_UNDO_WINDOW = timedelta(seconds=env.read_int("RELEASE_UNDO_SECONDS", 0, least=0))  # E14
# E19: of the fee, for each party's affiliate; 0 switches it off.
AFFILIATE_PERCENT = env.read_percent("AFFILIATE_PERCENT", Decimal("10"), most=50)
AFFILIATE_PERIOD = timedelta(days=env.read_int("AFFILIATE_DAYS", 365, least=1))  # E19

# --- Money out (W1) ----------------------------------------------------------------------------------------------

WITHDRAWAL_FEE_PERCENT = env.read_decimal("WITHDRAWAL_FEE_PERCENT", Decimal("2"))
WITHDRAWAL_FEE_LEAST = env.read_decimal("WITHDRAWAL_FEE_LEAST", Decimal("0.50"))  # in the asset of the wallet
WITHDRAWAL_MIN_USD = env.read_decimal("WITHDRAWAL_MIN_USD", Decimal("2.00"))
WITHDRAWAL_MAX_USD = env.read_decimal("WITHDRAWAL_MAX_USD", Decimal("500.00"))
WITHDRAWAL_DAILY_LIMIT = env.read_int("WITHDRAWAL_DAILY_LIMIT", 10, least=1)
WITHDRAWAL_AUTO_APPROVE_USD = env.read_decimal("WITHDRAWAL_AUTO_APPROVE_USD", Decimal("0"))  # W2: up to and including
WITHDRAWAL_TWO_PEOPLE_ABOVE_USD = env.read_decimal("WITHDRAWAL_TWO_PEOPLE_ABOVE_USD", Decimal("250"))  # W2
WITHDRAWAL_HOURLY_USD = env.read_decimal(
    "WITHDRAWAL_HOURLY_USD", Decimal("2500")
)  # W7: a payout asset, without an owner
DESTINATION_COOL_OFF = timedelta(hours=env.read_int("DESTINATION_COOL_OFF_HOURS", 24, least=0))  # W7
WITHDRAWAL_OVERDUE_AFTER = timedelta(minutes=env.read_int("WITHDRAWAL_OVERDUE_MINUTES", 5, least=1))  # W8

REPAIR_TWO_PEOPLE_ABOVE_USD = env.read_decimal("REPAIR_TWO_PEOPLE_ABOVE_USD", Decimal("250"))  # A3

# What people are offered, as rail:asset:network; empty: nothing is paid out.
PAYOUT_METHODS = env.read_list(
    "PAYOUT_METHODS",
    ["sandbox:USDT:TRC20", "sandbox:BTC:BTC", "sandbox:ETH:ETH", "sandbox:NGN:BANK"] if PLAYGROUND else [],
)
# Who looks up the name on a bank account that a person pays by hand.
BANK_LOOK_UP_RAIL = env.read_str("BANK_LOOK_UP_RAIL", "sandbox" if PLAYGROUND else "flutterwave")
# Who may send a withdrawal now: longer than a provider's call takes, so that a lease that ran out was lost (F36).
PAYOUT_LEASE = timedelta(seconds=env.read_int("PAYOUT_LEASE_SECONDS", 60, least=60))
FLUTTERWAVE_PAYOUT_VERSION = env.read_choice("FLUTTERWAVE_PAYOUT_VERSION", ["v3", "v4"], "v3")
KRAKEN_API_KEY = env.read_str("KRAKEN_API_KEY", "")
KRAKEN_API_SECRET = env.read_str("KRAKEN_API_SECRET", "")
# Staff are told when a provider holds less for us than this: adapter:ASSET=amount.
PAYOUT_LOW_BALANCES = dict(pair.partition("=")[::2] for pair in env.read_list("PAYOUT_LOW_BALANCES"))
# Network fees: what the chains' nodes tell, or play money. Older than this they are not known.
NETWORK_FEE_SOURCE = env.read_choice(
    "NETWORK_FEE_SOURCE", ["nodes", "playmoney"], "playmoney" if PLAYGROUND else "nodes"
)
NETWORK_FEE_MARGIN_PERCENT = env.read_decimal("NETWORK_FEE_MARGIN_PERCENT", Decimal("20"))
NETWORK_FEE_LIMIT = timedelta(minutes=env.read_int("NETWORK_FEE_LIMIT_MINUTES", 10, least=1))
CELLFRAME_FEE_CELL = env.read_decimal("CELLFRAME_FEE_CELL", Decimal("0"))  # its nodes tell none; 0: unknown
BANK_FEE_NGN = env.read_decimal("BANK_FEE_NGN", Decimal("50"))  # a transfer by a bank rail that tells none itself

# --- Money in ----------------------------------------------------------------------------------------------------

TOP_UP_MIN_USD = env.read_decimal("TOP_UP_MIN_USD", Decimal("2.00"))  # a deposit to the own wallet
TOP_UP_MAX_USD = env.read_decimal("TOP_UP_MAX_USD", Decimal("500.00"))
WEBHOOK_MAX_BYTES = 262_144  # P1
WEBHOOK_APPLY_BUDGET_MS = env.read_int("WEBHOOK_APPLY_BUDGET_MS", 200, least=0)  # P1
PROVIDER_BREAKER_FAILURES = env.read_int("PROVIDER_BREAKER_FAILURES", 5, least=1)  # P5: calls in a row, each with tries
PROVIDER_BREAKER_SECONDS = env.read_int("PROVIDER_BREAKER_SECONDS", 30, least=1)
INBOX_MAX_ATTEMPTS = env.read_int("INBOX_MAX_ATTEMPTS", 8, least=1)  # P2
PAYMENT_PROVIDERS = env.read_list("PAYMENT_PROVIDERS", ["sandbox"] if PLAYGROUND else ["dynopay"])
SANDBOX_API_KEY = "sandbox-api-key"
SANDBOX_WEBHOOK_SECRET = "sandbox-webhook-secret"  # noqa: S105  play money only; refused outside the playground
DYNOPAY_API_URL = env.read_str("DYNOPAY_API_URL", "https://api.dynopay.com/api/user").rstrip("/")
DYNOPAY_API_KEY = env.read_str("DYNOPAY_API_KEY", "")
DYNOPAY_WEBHOOK_SECRETS = env.read_list("DYNOPAY_WEBHOOK_SECRETS")  # newest first; two while rotating
BLOCKBEE_API_URL = env.read_str("BLOCKBEE_API_URL", "https://api.blockbee.io").rstrip("/")
BLOCKBEE_API_KEY = env.read_str("BLOCKBEE_API_KEY", "")
BLOCKBEE_PUBLIC_KEYS = env.read_list("BLOCKBEE_PUBLIC_KEYS")  # newest first; PEM, or its base64 in one line
NOWPAYMENTS_API_URL = env.read_str("NOWPAYMENTS_API_URL", "https://api.nowpayments.io/v1").rstrip("/")
NOWPAYMENTS_API_KEY = env.read_str("NOWPAYMENTS_API_KEY", "")
NOWPAYMENTS_IPN_SECRETS = env.read_list("NOWPAYMENTS_IPN_SECRETS")  # newest first; two while rotating
BTCPAY_URL = env.read_str("BTCPAY_URL", "").rstrip("/")
BTCPAY_STORE_ID = env.read_str("BTCPAY_STORE_ID", "")
BTCPAY_API_KEY = env.read_str("BTCPAY_API_KEY", "")
BTCPAY_WEBHOOK_SECRETS = env.read_list("BTCPAY_WEBHOOK_SECRETS")
BTCPAY_PAYMENT_METHODS = env.read_list("BTCPAY_PAYMENT_METHODS", ["BTC-CHAIN"])
BTCPAY_SPEED_POLICY = env.read_choice(
    "BTCPAY_SPEED_POLICY", ["MediumSpeed", "LowMediumSpeed", "LowSpeed"], "LowMediumSpeed"
)
BANK_CUSTOMER_EMAIL = env.read_str("BANK_CUSTOMER_EMAIL", "")  # bank providers want one; not our customers' own
FLUTTERWAVE_API_URL = env.read_str("FLUTTERWAVE_API_URL", "https://api.flutterwave.com/v3").rstrip("/")
FLUTTERWAVE_SECRET_KEY = env.read_str("FLUTTERWAVE_SECRET_KEY", "")
FLUTTERWAVE_WEBHOOK_SECRETS = env.read_list("FLUTTERWAVE_WEBHOOK_SECRETS")
FLUTTERWAVE_V4_API_URL = env.read_str("FLUTTERWAVE_V4_API_URL", "https://f4bexperience.flutterwave.com").rstrip("/")
FLUTTERWAVE_V4_TOKEN_URL = env.read_str(
    "FLUTTERWAVE_V4_TOKEN_URL", "https://idp.flutterwave.com/realms/flutterwave/protocol/openid-connect/token"
)
FLUTTERWAVE_V4_CLIENT_ID = env.read_str("FLUTTERWAVE_V4_CLIENT_ID", "")
FLUTTERWAVE_V4_CLIENT_SECRET = env.read_str("FLUTTERWAVE_V4_CLIENT_SECRET", "")
FLUTTERWAVE_V4_WEBHOOK_SECRETS = env.read_list("FLUTTERWAVE_V4_WEBHOOK_SECRETS")
FINCRA_API_URL = env.read_str("FINCRA_API_URL", "https://api.fincra.com").rstrip("/")
FINCRA_SECRET_KEY = env.read_str("FINCRA_SECRET_KEY", "")
FINCRA_PUBLIC_KEY = env.read_str("FINCRA_PUBLIC_KEY", "")
FINCRA_BUSINESS_ID = env.read_str("FINCRA_BUSINESS_ID", "")
FINCRA_WEBHOOK_SECRETS = env.read_list("FINCRA_WEBHOOK_SECRETS")

# --- Chains (P8-P10) ---------------------------------------------------------------------------------------------

# Nodes per chain, best first. An address may carry a key: it is never logged, only its host is.
CHAIN_ENDPOINTS = {
    "ethereum": env.read_list("CHAIN_ETHEREUM_URLS"),
    "bsc": env.read_list("CHAIN_BSC_URLS"),
    "tron": env.read_list("CHAIN_TRON_URLS"),
    "solana": env.read_list("CHAIN_SOLANA_URLS"),
    "aptos": env.read_list("CHAIN_APTOS_URLS"),
    "bitcoin": env.read_list("CHAIN_BITCOIN_URLS"),
    "litecoin": env.read_list("CHAIN_LITECOIN_URLS"),
    "dogecoin": env.read_list("CHAIN_DOGECOIN_URLS"),
    "bitcoincash": env.read_list("CHAIN_BITCOINCASH_URLS"),
    "cellframe": env.read_list("CHAIN_CELLFRAME_URLS"),
}
# Our own receiving addresses, as NETWORK=address: what the provider "onchain" asks to be paid to.
ONCHAIN_ADDRESSES = dict(pair.partition("=")[::2] for pair in env.read_list("ONCHAIN_ADDRESSES"))
# How long after its end a request's address is still watched, and how long money that fits no request waits for a hash.
ONCHAIN_WATCH_AFTER = timedelta(hours=env.read_int("ONCHAIN_WATCH_AFTER_HOURS", 24, least=0))
ONCHAIN_HASH_WAIT = timedelta(minutes=env.read_int("ONCHAIN_HASH_WAIT_MINUTES", 1440, least=0))
CHAIN_CALL_SECONDS = env.read_int("CHAIN_CALL_SECONDS", 5, least=1)
CHAIN_QUESTION_SECONDS = env.read_int("CHAIN_QUESTION_SECONDS", 40, least=1)  # below the queue's time-out
CHAIN_BREAKER_FAILURES = env.read_int("CHAIN_BREAKER_FAILURES", 3, least=1)
CHAIN_BREAKER_SECONDS = env.read_int("CHAIN_BREAKER_SECONDS", 60, least=1)
CHAIN_TEST_TOKENS = env.read_list("CHAIN_TEST_TOKENS") if PLAYGROUND else []  # chain:asset:contract:digits

# --- Rates (R1-R6) -----------------------------------------------------------------------------------------------

RATE_SOURCES = env.read_list(
    "RATE_SOURCES", ["playmoney"] if PLAYGROUND else ["fastforex", "coingecko", "kraken", "cryptocompare"]
)
RATE_TIER_MAIN = timedelta(minutes=30)
RATE_TIER_RAPID = timedelta(minutes=5)
RATE_TIER_FALLBACK = timedelta(hours=2)
RATE_PREWARM_SECONDS = env.read_int("RATE_PREWARM_SECONDS", 5, least=1)
RATE_FETCH_SECONDS = env.read_int("RATE_FETCH_SECONDS", 5, least=1)
RATE_BREAKER_FAILURES = env.read_int("RATE_BREAKER_FAILURES", 3, least=1)
RATE_BREAKER_SECONDS = env.read_int("RATE_BREAKER_SECONDS", 60, least=1)
FASTFOREX_API_URL = env.read_str("FASTFOREX_API_URL", "https://api.fastforex.io").rstrip("/")
FASTFOREX_API_KEY = env.read_str("FASTFOREX_API_KEY", "")
COINGECKO_API_URL = env.read_str("COINGECKO_API_URL", "https://api.coingecko.com/api/v3").rstrip("/")
COINGECKO_API_KEY = env.read_str("COINGECKO_API_KEY", "")
KRAKEN_API_URL = env.read_str("KRAKEN_API_URL", "https://api.kraken.com").rstrip("/")
CRYPTOCOMPARE_API_URL = env.read_str("CRYPTOCOMPARE_API_URL", "https://min-api.cryptocompare.com").rstrip("/")
CRYPTOCOMPARE_API_KEY = env.read_str("CRYPTOCOMPARE_API_KEY", "")
# What /price shows besides: open interest and funding rate.
PRICE_FUTURES = env.read_bool("PRICE_FUTURES", False)
BINANCE_FUTURES_API_URL = env.read_str("BINANCE_FUTURES_API_URL", "https://fapi.binance.com").rstrip("/")
BYBIT_API_URL = env.read_str("BYBIT_API_URL", "https://api.bybit.com").rstrip("/")

# --- Notifications -----------------------------------------------------------------------------------------------

EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_BACKEND = env.read_str(
    "EMAIL_BACKEND",
    {
        "sandbox": "django.core.mail.backends.filebased.EmailBackend",
        "test": "django.core.mail.backends.locmem.EmailBackend",
        "production": "anymail.backends.brevo.EmailBackend",
    }[LOCKBAY_MODE],
)
EMAIL_TIMEOUT = 10  # of each answer of a mail server; four of them and the opening stay below JOB_LEASE
EMAIL_TRACKING_SECRETS = env.read_list("EMAIL_TRACKING_SECRETS")  # user:password; newest first; two while rotating
ANYMAIL = {
    "BREVO_API_KEY": env.read_str("BREVO_API_KEY", ""),
    "REQUESTS_TIMEOUT": (5, 15),
    "WEBHOOK_SECRET": EMAIL_TRACKING_SECRETS,
}
DEFAULT_FROM_EMAIL = env.read_str("DEFAULT_FROM_EMAIL", "LockBay <no-reply@lockbay.example>")
STAFF_EMAILS = env.read_list("STAFF_EMAILS", ["staff@lockbay.example"] if PLAYGROUND else [])  # N4
# N2: channel -> how long it may take before the next one is tried too; the last channel has nobody behind it.
NOTIFY_LIMITS = {
    "telegram": timedelta(seconds=env.read_int("NOTIFY_TELEGRAM_LIMIT_SECONDS", 60, least=1)),
    "email": timedelta(seconds=env.read_int("NOTIFY_EMAIL_LIMIT_SECONDS", 300, least=1)),
    "sms": timedelta(seconds=env.read_int("NOTIFY_SMS_LIMIT_SECONDS", 300, least=1)),
}
# channel -> (first, longest) pause before the next try: a bot's outage ends in seconds, a mail server's in minutes
NOTIFY_RETRY_SECONDS = env.read_ranges(
    "NOTIFY_RETRY_SECONDS",
    ["telegram=2-60", "email=10-600", "sms=15-600", "whatsapp=15-600", "slack=5-300", "pagerduty=5-120"],
)
EMAIL_CODES_A_DAY = env.read_int("EMAIL_CODES_A_DAY", 20, least=1)  # to one address, and for one person
PHONE_CODES_A_DAY = env.read_int("PHONE_CODES_A_DAY", 5, least=1)  # to one number, and for one person: each costs money
SMS_LONGEST = env.read_int("SMS_LONGEST", 480, least=160, most=1600)
TWILIO_API_URL = env.read_str("TWILIO_API_URL", "https://api.twilio.com").rstrip("/")
TWILIO_ACCOUNT_SID = env.read_str("TWILIO_ACCOUNT_SID", "")
TWILIO_AUTH_TOKEN = env.read_str("TWILIO_AUTH_TOKEN", "")
TWILIO_OLD_AUTH_TOKENS = env.read_list("TWILIO_OLD_AUTH_TOKENS")  # while rotating: reports signed by them count
TWILIO_REPORTS = PUBLIC_URL.startswith("https://")  # Twilio calls no other address
TWILIO_SENDER = env.read_str("TWILIO_SENDER", "")  # a number, a name, or a messaging service (MG…)
WHATSAPP_LONGEST = env.read_int("WHATSAPP_LONGEST", 700, least=160, most=1000)  # the template's own words come on top
WHATSAPP_API_URL = env.read_str("WHATSAPP_API_URL", "https://graph.facebook.com/v23.0").rstrip("/")
WHATSAPP_PHONE_NUMBER_ID = env.read_str("WHATSAPP_PHONE_NUMBER_ID", "")
WHATSAPP_ACCESS_TOKEN = env.read_str("WHATSAPP_ACCESS_TOKEN", "")
WHATSAPP_TEMPLATE = env.read_str("WHATSAPP_TEMPLATE", "")
WHATSAPP_CODE_TEMPLATE = env.read_str("WHATSAPP_CODE_TEMPLATE", "")
WHATSAPP_TEMPLATE_LANGUAGE = env.read_str("WHATSAPP_TEMPLATE_LANGUAGE", "en")
WHATSAPP_APP_SECRETS = env.read_list("WHATSAPP_APP_SECRETS")  # newest first; two while rotating
WHATSAPP_VERIFY_TOKEN = env.read_str("WHATSAPP_VERIFY_TOKEN", "")
# The staff's group in Telegram, whose ids are negative; 0: none. The sandbox's group has this one.
SANDBOX_STAFF_CHAT_ID = -1002147001001
STAFF_CHAT_ID = env.read_int("STAFF_CHAT_ID", SANDBOX_STAFF_CHAT_ID if SANDBOX else 0, most=0)
# A start proves the staff's channels by a message, once in so long; who does not take it within the limit is red.
START_TEST_EVERY = timedelta(minutes=env.read_int("START_TEST_MINUTES", 60, least=1))
START_TEST_LIMIT = timedelta(seconds=env.read_int("START_TEST_LIMIT_SECONDS", 120, least=1))
DIGEST_HOUR = env.read_int_or_off("DIGEST_HOUR", 6, least=0, most=23)  # UTC; staff read of the day before
SLACK_WEBHOOK_URL = env.read_str("SLACK_WEBHOOK_URL", "")
PAGERDUTY_API_URL = env.read_str("PAGERDUTY_API_URL", "https://events.pagerduty.com").rstrip("/")
PAGERDUTY_ROUTING_KEY = env.read_str("PAGERDUTY_ROUTING_KEY", "")
# Incidents: trouble is told once; who took it on and when it is over is in docs/running.md.
INCIDENT_QUIET = timedelta(minutes=env.read_int("INCIDENT_QUIET_MINUTES", 60, least=1))
STAFF_ALERTS_PER_HOUR = env.read_int("STAFF_ALERTS_PER_HOUR", 20, least=1)  # by Slack, PagerDuty, SMS and staff chat
ALERT_ESCALATE = timedelta(minutes=env.read_int("ALERT_ESCALATE_MINUTES", 15, least=1))
ALERT_REPEAT = timedelta(minutes=env.read_int("ALERT_REPEAT_MINUTES", 30, least=1))
ALERT_ESCALATIONS_MOST = env.read_int("ALERT_ESCALATIONS_MOST", 6, least=1)
STAFF_ESCALATION_EMAILS = env.read_list("STAFF_ESCALATION_EMAILS")  # empty: STAFF_EMAILS
STAFF_ESCALATION_PHONES = env.read_list("STAFF_ESCALATION_PHONES")

# --- Telegram ----------------------------------------------------------------------------------------------------

TELEGRAM_TOKEN = env.read_str("TELEGRAM_TOKEN", *(["1000001:sandbox-token-known-to-everybody"] if PLAYGROUND else []))
TELEGRAM_API_URL = env.read_str("TELEGRAM_API_URL", SANDBOX_URL if PLAYGROUND else "https://api.telegram.org").rstrip(
    "/"
)
TELEGRAM_BOT_USERNAME = env.read_str("TELEGRAM_BOT_USERNAME", "LockBaySandboxBot" if PLAYGROUND else "LockBayBot")
TELEGRAM_MODE = env.read_choice("TELEGRAM_MODE", ["polling", "webhook"], "polling")  # T1
# In webhook mode the secret proves that an update comes from Telegram: 32 or more of A-Z, a-z, 0-9, _ and -.
TELEGRAM_WEBHOOK_SECRET = env.read_str("TELEGRAM_WEBHOOK_SECRET", *([] if TELEGRAM_MODE == "webhook" else [""]))
TELEGRAM_SENDS_PER_SECOND = env.read_int("TELEGRAM_SENDS_PER_SECOND", 30, least=1, most=30)  # N5
TELEGRAM_UPDATE_MAX_ATTEMPTS = env.read_int("TELEGRAM_UPDATE_MAX_ATTEMPTS", 5, least=1)
SUPPORT_CONTACT = env.read_str("SUPPORT_CONTACT", "support@lockbay.example")  # shown to people who ask for help

# --- Logging (O6) ------------------------------------------------------------------------------------------------

LOG_LEVEL = env.read_str("LOG_LEVEL", "INFO")
LOG_FORMAT = env.read_choice("LOG_FORMAT", ["json", "console"], "console" if PLAYGROUND else "json")
LOGGING = logging_config(level=LOG_LEVEL, style=LOG_FORMAT)
LOGGING_CONFIG = "logging.config.dictConfig"

# --- Admin theme -------------------------------------------------------------------------------------------------


def _may_view(page: str, request: HttpRequest) -> bool:
    app, _, model = page.rpartition("_")
    return request.user.has_perm(f"{app}.view_{model}")


def _menu(title: str, *pages: tuple[str, ...]) -> dict[str, Any]:
    """A group of the sidebar: (words, icon, page of the admin), or (words, icon, page that it needs, its own name)."""
    return {
        "title": title,
        "separator": True,
        "items": [
            {
                "title": words,
                "icon": icon,
                "link": reverse_lazy(name[0] if name else f"admin:{page}_changelist"),
                "permission": partial(_may_view, page),
            }
            for words, icon, page, *name in pages
        ],
    }


UNFOLD = {
    "SITE_TITLE": "LockBay",
    "SITE_HEADER": "LockBay",
    "SITE_SUBHEADER": "Sandbox: play money" if SANDBOX else "Escrow desk",
    "SITE_SYMBOL": "lock",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {
        "navigation": [
            _menu(
                "Trades",
                ("Escrows", "handshake", "escrows_escrow"),
                ("Short payments", "hourglass_bottom", "escrows_shortpayment"),
                ("Vanished payments", "ac_unit", "escrows_vanishedfunding"),
                ("Events", "history", "events_event"),
                ("Affiliates", "group_add", "escrows_affiliatelink"),
            ),
            _menu(
                "Money in",
                ("Payment log", "manage_search", "payments_inboxevent", "payment_log"),
                ("Inbox", "inbox", "payments_inboxevent"),
                ("Deposits", "payments", "payments_deposit"),
                ("Payment requests", "qr_code", "payments_intent"),
                ("Pasted hashes", "tag", "payments_chainclaim"),
                ("Seen transfers", "visibility", "payments_seentransfer"),
                ("Rates", "currency_exchange", "payments_storedrate"),
                ("Rate history", "timeline", "payments_ratehistory"),
            ),
            _menu(
                "Money out",
                ("Withdrawals", "outbox", "wallets_withdrawal"),
                ("Destinations", "pin_drop", "wallets_destination"),
                ("Payout attempts", "send_money", "payments_payoutattempt"),
                ("Rail balances", "account_balance", "payments_railbalance"),
                ("Network fees", "local_gas_station", "payments_storedfee"),
                ("Payout stops", "block", "wallets_payoutstop"),
            ),
            _menu(
                "Books",
                ("Accounts", "account_balance_wallet", "wallets_account"),
                ("Operations", "receipt_long", "wallets_operation"),
                ("Repairs", "build", "wallets_repair"),
                ("Ledger proof", "verified", "wallets_ledgercheck"),
            ),
            _menu(
                "Messages",
                ("Incidents", "crisis_alert", "notifications_incident"),
                ("Deliveries", "send", "notifications_delivery"),
                ("Channels", "stacked_bar_chart", "notifications_delivery", "channels"),
                ("Previews", "preview", "notifications_delivery", "previews"),
            ),
            _menu(
                "People",
                ("Users", "person", "people_user"),
                ("Contacts", "alternate_email", "people_contact"),
                ("Roles", "badge", "auth_group"),
            ),
            _menu(
                "Machine room",
                ("Signs of life", "monitor_heart", "lockbay_heartbeat"),
                ("Jobs", "task_alt", "lockbay_jobrun"),
                ("Schedules", "schedule", "django_q_schedule"),
                ("Waiting tasks", "pending_actions", "django_q_ormq"),
                ("Failed tasks", "error", "django_q_failure"),
            ),
        ],
    },
}
REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None}

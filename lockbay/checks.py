"""System checks: unsafe settings stop the start and say which (O3)."""

import re
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

_SENDER = re.compile(r"\+[1-9]\d{6,14}|MG[0-9a-f]{32}|[A-Za-z0-9 ]{1,11}|\d{5,6}")
_PHONE = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_KNOWN_KEYS = ("playground-key", "django-insecure")


def register_checks() -> None:
    """Called once at start."""
    register(check_production_settings)


def refuse_unsafe_settings() -> None:
    """For processes that run without Django's own checks (web and bot: those cost seconds and memory).

    Raises: ImproperlyConfigured naming every setting that is wrong.
    """
    found = check_production_settings()
    if found:
        raise ImproperlyConfigured("\n".join(f"{message.id}: {message.msg}" for message in found))


def check_production_settings(**_kwargs: Any) -> list[CheckMessage]:
    """lockbay.E001 … E009: what a real-money installation may not start with."""
    from payments.rates.sources import SOURCES

    if settings.PLAYGROUND:
        return []
    found: list[CheckMessage] = []
    if settings.DEBUG:
        found.append(Error("LOCKBAY_DEBUG must be off in production.", id="lockbay.E001"))
    if settings.SECRET_KEY.startswith(_KNOWN_KEYS) or len(settings.SECRET_KEY) < 50:
        found.append(Error("SECRET_KEY must be private and at least 50 characters.", id="lockbay.E002"))
    if "sandbox" in settings.PAYMENT_PROVIDERS or "playmoney" in settings.RATE_SOURCES:
        found.append(
            Error("PAYMENT_PROVIDERS and RATE_SOURCES may not name play money in production.", id="lockbay.E003")
        )
    found.extend(_bare_providers())
    found.extend(_bad_addresses())
    found.extend(_bare_rails())
    found.extend(_bare_channels())
    if not settings.STAFF_EMAILS:
        found.append(
            Error("STAFF_EMAILS is empty: staff must always be told of a confirmed payment.", id="lockbay.E005")
        )
    if not settings.RATE_SOURCES or not set(settings.RATE_SOURCES) <= set(SOURCES):
        found.append(Error(f"RATE_SOURCES must name some of {', '.join(SOURCES)}, best first.", id="lockbay.E006"))
    return found


def _bad_addresses() -> list[CheckMessage]:
    """lockbay.E007: receiving addresses that nobody could pay to, or whose payments we could not check."""
    from payments.chains.addresses import require_address
    from payments.chains.base import MalformedAddress
    from payments.networks import NETWORKS
    from payments.providers import provider_of

    known = {network for _, network in provider_of("onchain").tickers}
    found: list[CheckMessage] = []
    for network, address in settings.ONCHAIN_ADDRESSES.items():
        if network not in known:
            found.append(Error(f"ONCHAIN_ADDRESSES names {network[:40]!r}, which is no network.", id="lockbay.E007"))
            continue
        chain = NETWORKS[network].chain
        try:
            require_address(chain, address)
        except MalformedAddress as error:
            found.append(Error(f"ONCHAIN_ADDRESSES: {network} is no address: {error.args[1]}.", id="lockbay.E007"))
        if not settings.CHAIN_ENDPOINTS.get(chain):
            found.append(Error(f"ONCHAIN_ADDRESSES: no node of {chain} is set to check {network}.", id="lockbay.E007"))
    return found


def _bare_rails() -> list[CheckMessage]:
    """lockbay.E008: ways to pay out that cannot be served, or whose answers nobody could prove."""
    from payments.payouts import adapter_of_rail
    from payments.payouts.balances import low_limits
    from payments.payouts.base import UnknownRail
    from wallets.errors import WalletError

    found: list[CheckMessage] = []
    for rail in sorted({method.partition(":")[0] for method in settings.PAYOUT_METHODS}):
        try:
            needed = adapter_of_rail(rail).required_settings()
        except UnknownRail:
            found.append(Error(f"PAYOUT_METHODS names {rail[:40]!r}, which is not known.", id="lockbay.E008"))
            continue
        missing = [setting for setting, value in needed.items() if not value]
        if rail == "sandbox":
            found.append(Error("PAYOUT_METHODS may not name play money in production.", id="lockbay.E008"))
        if missing:
            found.append(Error(f"{rail} pays out without {' and '.join(missing)}.", id="lockbay.E008"))
    try:
        low_limits()
    except (WalletError, UnknownRail) as error:
        found.append(Error(f"PAYOUT_LOW_BALANCES is malformed: {error!r}.", id="lockbay.E008"))
    return found


def _bare_channels() -> list[CheckMessage]:
    """lockbay.E009: channels that were begun and not finished; e-mail must work, because staff always get theirs."""
    from notifications.channels import ADAPTERS

    found: list[CheckMessage] = []
    for name, adapter in ADAPTERS.items():
        needed = adapter.required_settings()
        missing = [setting for setting, value in needed.items() if not value]
        if missing and (name == "email" or len(missing) < len(needed)):
            found.append(Error(f"{name} cannot send without {' and '.join(missing)}.", id="lockbay.E009"))
    if settings.TWILIO_SENDER and not _SENDER.fullmatch(settings.TWILIO_SENDER):
        found.append(
            Error("TWILIO_SENDER is no number (+…), no name of 11 characters and no id (MG…).", id="lockbay.E009")
        )
    if settings.SLACK_WEBHOOK_URL and not settings.SLACK_WEBHOOK_URL.startswith("https://"):
        found.append(Error("SLACK_WEBHOOK_URL must begin with https://.", id="lockbay.E009"))
    found += [
        Error("STAFF_ESCALATION_PHONES holds what is no number of the form +234….", id="lockbay.E009")
        for phone in settings.STAFF_ESCALATION_PHONES
        if not _PHONE.fullmatch(phone)
    ][:1]
    if settings.STAFF_ESCALATION_PHONES and not ADAPTERS["sms"].is_configured():
        found.append(Error("STAFF_ESCALATION_PHONES needs SMS (TWILIO_…).", id="lockbay.E009"))
    return found


def _bare_providers() -> list[CheckMessage]:
    """lockbay.E004: providers that are switched on without what proves their events, or unknown."""
    from payments.providers import ADAPTERS, provider_of

    found: list[CheckMessage] = []
    for name in settings.PAYMENT_PROVIDERS:
        if name not in ADAPTERS:
            found.append(Error(f"PAYMENT_PROVIDERS names {name[:40]!r}, which is not known.", id="lockbay.E004"))
            continue
        missing = [setting for setting, value in provider_of(name).required_settings().items() if not value]
        if missing:
            found.append(
                Error(
                    f"{name} is switched on without {' and '.join(missing)}.",
                    hint="Without a secret of your own anybody can sign a payment: see docs/providers.md.",
                    id="lockbay.E004",
                )
            )
    return found

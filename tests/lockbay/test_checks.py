"""What a real-money installation may not start with, by id (O3)."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from lockbay.checks import check_production_settings, refuse_unsafe_settings
from payments.providers import provider_of


@pytest.fixture
def production(settings):
    """Safe production settings."""
    settings.PLAYGROUND = False
    settings.DEBUG = False
    settings.SECRET_KEY = "k" * 60
    settings.PAYMENT_PROVIDERS, settings.PAYOUT_METHODS = ["dynopay"], []
    settings.RATE_SOURCES = ["fastforex", "coingecko"]
    settings.DYNOPAY_API_KEY, settings.DYNOPAY_WEBHOOK_SECRETS = "key", ["whsec_one"]
    settings.STAFF_EMAILS = ["staff@example.org"]
    return settings


def found():
    return [message.id for message in check_production_settings()]


def test_safe_settings_pass(production):
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value", "ids"),
    [
        ("DEBUG", True, ["lockbay.E001"]),
        ("SECRET_KEY", "playground-key-known-to-everybody-never-in-production", ["lockbay.E002"]),
        ("SECRET_KEY", "django-insecure-" + "x" * 60, ["lockbay.E002"]),
        ("SECRET_KEY", "short", ["lockbay.E002"]),
        ("PAYMENT_PROVIDERS", ["dynopay", "sandbox"], ["lockbay.E003"]),
        ("RATE_SOURCES", ["playmoney"], ["lockbay.E003"]),
        ("PAYOUT_METHODS", ["sandbox:USDT:TRC20"], ["lockbay.E008"]),
        ("DYNOPAY_API_KEY", "", ["lockbay.E004"]),
        ("DYNOPAY_WEBHOOK_SECRETS", [], ["lockbay.E004"]),
        ("PAYMENT_PROVIDERS", ["dynopya"], ["lockbay.E004"]),
        ("STAFF_EMAILS", [], ["lockbay.E005"]),
        ("RATE_SOURCES", ["fastfrex"], ["lockbay.E006"]),
        ("RATE_SOURCES", [], ["lockbay.E006"]),
        ("TWILIO_AUTH_TOKEN", "token", ["lockbay.E009"]),
        ("WHATSAPP_TEMPLATE", "update", ["lockbay.E009"]),
        ("SLACK_WEBHOOK_URL", "http://hooks.slack.com/services/x", ["lockbay.E009"]),
        ("EMAIL_BACKEND", "anymail.backends.brevo.EmailBackend", ["lockbay.E009"]),
        ("STAFF_ESCALATION_PHONES", ["+2348012345678"], ["lockbay.E009"]),
        ("STAFF_ESCALATION_PHONES", ["0801 234"], ["lockbay.E009", "lockbay.E009"]),
    ],
)
def test_an_unsafe_setting_is_refused_by_its_id(production, name, value, ids):
    setattr(production, name, value)
    assert found() == ids


def test_no_message_shows_a_secret(production):
    production.SECRET_KEY = "django-insecure-hunter2"
    production.DYNOPAY_WEBHOOK_SECRETS = []
    assert "hunter2" not in str(check_production_settings())


def test_a_playground_needs_nothing_of_that(settings):
    settings.STAFF_EMAILS = []
    assert found() == []


def test_web_and_bot_refuse_to_start_and_name_every_setting(production):
    production.DEBUG = True
    production.STAFF_EMAILS = []
    with pytest.raises(ImproperlyConfigured, match=r"(?s)lockbay.E001.*lockbay.E005"):
        refuse_unsafe_settings()


def test_web_and_bot_start_with_safe_settings(production):
    refuse_unsafe_settings()


@pytest.mark.parametrize("name", ["dynopay", "nowpayments", "btcpay", "flutterwave", "flutterwave_v4", "fincra"])
def test_a_provider_in_use_without_any_one_of_its_settings_is_refused(production, name):
    production.PAYMENT_PROVIDERS = [name]
    required = provider_of(name).required_settings()
    assert required
    for setting in required:
        setattr(production, setting, "filled")
    assert found() == []
    for setting in required:
        setattr(production, setting, "")
        (message,) = check_production_settings()
        assert (message.id, message.msg) == ("lockbay.E004", f"{name} is switched on without {setting}.")
        setattr(production, setting, "filled")

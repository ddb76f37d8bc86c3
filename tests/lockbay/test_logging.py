"""No secret and no whole e-mail address reaches the log, whoever writes it (O6)."""

import io
import json
import logging
from contextlib import contextmanager

import pytest
import structlog
from django.test import Client

from lockbay.observability.correlation import bind_correlation_id, current_correlation_id, unbind_correlation_id
from lockbay.observability.logging import logging_config

TOKEN = "1234567890:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"


def formatter_of(style):
    """The formatter as settings.LOGGING would install it."""
    options = dict(logging_config(level="INFO", style=style)["formatters"]["structured"])
    return options.pop("()")(**options)


@contextmanager
def written_in(style):
    """Adds a handler of our own: a whole new configuration would close pytest's handlers too."""
    handler = logging.StreamHandler(io.StringIO())
    handler.setFormatter(formatter_of(style))
    logging.getLogger().addHandler(handler)
    try:
        yield handler.stream.getvalue
    finally:
        logging.getLogger().removeHandler(handler)


@pytest.fixture(params=["json", "console"])
def written(request):
    """What was written since, in each style."""
    with written_in(request.param) as written:
        yield written


def log_by_library(message, *arguments, **extra):
    logging.getLogger("some.library").warning(message, *arguments, extra=extra)


def log_by_us(message, **fields):
    structlog.stdlib.get_logger("ours").warning(message, **fields)


@pytest.mark.parametrize("log", [log_by_library, log_by_us])
def test_a_bot_token_in_an_address_is_removed(log, written):
    log(f"GET https://api.telegram.org/bot{TOKEN}/getMe")
    text = written()
    assert "getMe" in text
    assert TOKEN not in text


def test_a_token_in_an_argument_is_removed(written):
    log_by_library("GET %s", f"https://api.telegram.org/bot{TOKEN}/getMe")
    assert TOKEN not in written()


@pytest.mark.parametrize(
    "key", ["token", "api_key", "API-KEY", "password", "webhook_secret", "Authorization", "x_signature"]
)
def test_a_field_with_a_secret_name_is_removed(key, written):
    log_by_us("calling", **{key: "hunter2"})
    text = written()
    assert "calling" in text
    assert "hunter2" not in text


def test_secrets_deep_inside_a_field_are_removed(written):
    log_by_us(
        "calling", headers={"X-Api-Key": "hunter2", "Accept": "json"}, urls=[f"/bot{TOKEN}/x", ("bea@example.org",)]
    )
    text = written()
    assert "hunter2" not in text
    assert TOKEN not in text
    assert "bea@" not in text
    assert "json" in text


def test_an_exception_carries_no_token(written):
    try:
        raise RuntimeError(f"failed: https://api.telegram.org/bot{TOKEN}/getMe")
    except RuntimeError:
        structlog.stdlib.get_logger("ours").exception("call failed")
    text = written()
    assert "call failed" in text
    assert "RuntimeError" in text
    assert TOKEN not in text


@pytest.mark.parametrize("log", [log_by_library, log_by_us])
def test_an_address_keeps_its_first_letter_and_its_domain(log, written):
    log("mail to bea.buyer@example.org failed")
    text = written()
    assert "b***@example.org" in text
    assert "bea.buyer" not in text


def test_json_is_one_object_a_line_with_the_correlation_id():
    bind_correlation_id("payment-1234")
    try:
        with written_in("json") as written:
            log_by_us("applied", rows=3)
    finally:
        unbind_correlation_id()
    (line,) = written().splitlines()
    found = json.loads(line)
    assert (found["event"], found["rows"], found["correlation_id"], found["level"]) == (
        "applied",
        3,
        "payment-1234",
        "warning",
    )


@pytest.mark.parametrize(
    ("given", "is_kept"), [("payment-1234", True), ("short", False), ("x" * 65, False), ("a b\nc{}xyz", False)]
)
def test_a_correlation_id_from_outside_is_kept_only_in_a_safe_shape(given, is_kept):
    response = Client().get("/health", headers={"X-Correlation-Id": given.replace("\n", "")})
    assert (response["X-Correlation-Id"] == given) is is_kept
    assert len(response["X-Correlation-Id"]) >= 6
    assert current_correlation_id() == ""

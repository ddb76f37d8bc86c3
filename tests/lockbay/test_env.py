"""A missing or malformed variable stops the start and is named."""

from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured

from lockbay import env


@pytest.fixture
def given(monkeypatch):
    return lambda value: monkeypatch.setenv("SOME_SETTING", value)


@pytest.mark.parametrize("read", [env.read_str, env.read_int, env.read_decimal, env.read_bool])
def test_a_missing_variable_without_a_default_is_named(read, monkeypatch):
    monkeypatch.delenv("SOME_SETTING", raising=False)
    with pytest.raises(ImproperlyConfigured, match="SOME_SETTING is not set"):
        read("SOME_SETTING")


@pytest.mark.parametrize("read", [env.read_str, env.read_int, env.read_decimal, env.read_bool])
def test_an_empty_variable_counts_as_missing(read, given):
    given("")
    with pytest.raises(ImproperlyConfigured, match="SOME_SETTING is not set"):
        read("SOME_SETTING")


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (env.read_int, "seven"),
        (env.read_int, "1.5"),
        (env.read_decimal, "1,5"),
        (env.read_decimal, "NaN"),
        (env.read_decimal, "Infinity"),
        (env.read_bool, "perhaps"),
    ],
)
def test_a_malformed_value_is_named_but_never_shown(read, text, given):
    given(text)
    with pytest.raises(ImproperlyConfigured, match="SOME_SETTING is malformed") as caught:
        read("SOME_SETTING")
    assert text not in str(caught.value).replace("SOME_SETTING", "")


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (env.read_str, "text", "text"),
        (env.read_int, " 7 ", 7),
        (env.read_decimal, "2.50", Decimal("2.50")),
        (env.read_bool, "YES", True),
        (env.read_bool, "off", False),
        (env.read_list, "a, b,,c ", ["a", "b", "c"]),
        (env.read_list, "", []),
    ],
)
def test_a_good_value_is_read(read, text, value, given):
    given(text)
    assert read("SOME_SETTING") == value


@pytest.mark.parametrize("value", ["0", "11"])
def test_a_number_out_of_range_is_refused(value, given):
    given(value)
    with pytest.raises(ImproperlyConfigured, match="out of range"):
        env.read_int("SOME_SETTING", least=1, most=10)


def test_a_choice_that_is_not_known_is_refused_with_the_choices(given):
    given("prod")
    with pytest.raises(ImproperlyConfigured, match="production, sandbox"):
        env.read_choice("SOME_SETTING", ["production", "sandbox"])


def test_a_database_is_an_address_or_nothing(given, monkeypatch):
    given("postgres://user:word@host:5432/name")
    found = env.read_database("SOME_SETTING")
    assert (found["ENGINE"], found["NAME"], found["HOST"]) == ("django.db.backends.postgresql", "name", "host")
    given("mysql://x")
    with pytest.raises(ImproperlyConfigured, match="postgresql://"):
        env.read_database("SOME_SETTING")
    monkeypatch.delenv("SOME_SETTING")
    assert env.read_database("SOME_SETTING") is None


@pytest.mark.parametrize("raw", ["-1", "51"])
def test_a_percentage_out_of_range_stops_the_start_and_is_named(monkeypatch, raw):
    monkeypatch.setenv("SHARE", raw)
    with pytest.raises(ImproperlyConfigured, match=f"SHARE={raw} is out of range: expected 0 to 50"):
        env.read_percent("SHARE", Decimal("10"), most=50)


def test_ranges_by_name_override_their_defaults_one_by_one(given):
    given("sms=20-40")
    assert env.read_ranges("SOME_SETTING", ["email=1-2", "sms=3-4"]) == {"email": (1, 2), "sms": (20, 40)}


@pytest.mark.parametrize("raw", ["fax=1-2", "sms=5-4", "sms=0-4", "sms=5", "sms", "sms=a-b"])
def test_a_range_that_is_none_stops_the_start_and_is_named(given, raw):
    given(raw)
    with pytest.raises(ImproperlyConfigured, match="SOME_SETTING is malformed"):
        env.read_ranges("SOME_SETTING", ["sms=3-4"])


def test_a_number_that_may_be_off_is_off_when_it_is_set_to_nothing(given, monkeypatch):
    given(" ")
    assert env.read_int_or_off("SOME_SETTING", 6, least=0, most=23) is None
    given("7")
    assert env.read_int_or_off("SOME_SETTING", 6, least=0, most=23) == 7
    given("24")
    with pytest.raises(ImproperlyConfigured, match="SOME_SETTING=24 is out of range"):
        env.read_int_or_off("SOME_SETTING", 6, least=0, most=23)
    monkeypatch.delenv("SOME_SETTING")
    assert env.read_int_or_off("SOME_SETTING", 6, least=0, most=23) == 6

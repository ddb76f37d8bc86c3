"""Bank accounts at the wire: lists once a day, the holder's name, and clear words when nobody answers (W5)."""

from datetime import timedelta

import pytest

from lockbay import clock, http
from payments import providers
from payments.banks import (
    Bank,
    bank_of,
    banks_called,
    desk_of,
    desks_that_tell_fees,
    known_banks,
    require_account_number,
)
from payments.errors import AccountMalformed, AccountUnknown, BankUnknown, BankUnreachable, MethodGone
from payments.models import BankList
from tests.payments.chains.nodes import Nodes

pytestmark = pytest.mark.django_db(transaction=True)

BANKS = {
    "flutterwave": (
        "GET api.flutterwave.com /v3/banks/NG",
        {
            "status": "success",
            "data": [
                {"id": 1, "code": "044", "name": "Access Bank"},
                {"id": 2, "code": "058", "name": "GTBank  Plc"},
                {"id": 3, "code": "50211", "name": "Kuda"},
                {"id": 4, "code": "<x>", "name": "Odd"},
                {"id": 5, "code": "1"},
            ],
        },
    ),
    "fincra": (
        "GET api.fincra.com /core/banks",
        {
            "success": True,
            "data": [
                {"id": 1, "code": "044", "name": "Access Bank"},
                {"id": 2, "code": "058", "name": "GTBank Plc"},
                {"id": 3, "code": "50211", "name": "Kuda"},
            ],
        },
    ),
}
HOLDERS = {
    "flutterwave": (
        'POST /v3/accounts/resolve "account_bank":"044"',
        {"status": "success", "data": {"account_number": "0690000040", "account_name": "ADA  OBI"}},
    ),
    "fincra": (
        'POST /core/accounts/resolve "bankCode":"044"',
        {"success": True, "data": {"accountNumber": "0690000040", "accountName": "ADA OBI"}},
    ),
}
BY_RAIL = pytest.mark.parametrize("rail", ["flutterwave", "fincra"])


@pytest.fixture
def wire():
    nodes = Nodes([])
    http.use_transport(http.MockTransport(nodes))
    yield nodes
    http.use_transport(None)


@BY_RAIL
def test_the_list_is_fetched_once_a_day(wire, rail):
    wire.set(*BANKS[rail])
    assert [bank.name for bank in known_banks(rail)] == ["Access Bank", "GTBank Plc", "Kuda"]
    assert len(known_banks(rail)) == 3
    assert len(wire.asked) == 1
    BankList.objects.update(fetched_at=clock.real_now() - timedelta(hours=25))
    known_banks(rail)
    assert len(wire.asked) == 2


@BY_RAIL
def test_an_old_list_serves_while_nobody_answers(wire, rail):
    wire.set(*BANKS[rail])
    known_banks(rail)
    BankList.objects.update(fetched_at=clock.real_now() - timedelta(days=9))
    wire.set("GET", 503)
    assert len(known_banks(rail)) == 3


@BY_RAIL
def test_without_any_list_it_is_said(wire, rail):
    wire.set("GET", http.TimeoutException("slow"))
    with pytest.raises(BankUnreachable):
        known_banks(rail)


def test_banks_are_found_by_a_part_of_their_name(wire):
    wire.set(*BANKS["flutterwave"])
    assert banks_called("flutterwave", "gt-bank") == [Bank("058", "GTBank Plc")]
    assert [bank.code for bank in banks_called("flutterwave", "ban")] == ["044", "058"]
    assert bank_of("flutterwave", "50211").name == "Kuda"
    for text in ("zzz", "", "<>", "日本"):
        with pytest.raises(BankUnknown):
            banks_called("flutterwave", text)
    with pytest.raises(BankUnknown):
        bank_of("flutterwave", "999")


@BY_RAIL
def test_the_bank_says_whose_account_it_is(wire, rail):
    wire.set(*HOLDERS[rail])
    assert desk_of(rail).holder_of("044", "0690000040") == "ADA OBI"


@BY_RAIL
@pytest.mark.parametrize(
    "answer",
    [
        {"status": "error", "message": "could not be validated", "data": None},
        {"success": False, "error": "no"},
        {"status": "success", "success": True, "data": {"account_name": "", "accountName": " "}},
    ],
)
def test_an_account_without_a_name_is_unknown(wire, rail, answer):
    wire.set("POST", answer)
    with pytest.raises(AccountUnknown):
        desk_of(rail).holder_of("044", "0690000040")


@BY_RAIL
@pytest.mark.parametrize("answer", [500, 401, 429, "<html>", http.TimeoutException("slow")])
def test_trouble_is_not_taken_for_a_wrong_account(wire, rail, answer):
    wire.set("POST", answer)
    with pytest.raises(BankUnreachable):
        desk_of(rail).holder_of("044", "0690000040")


@BY_RAIL
def test_a_refused_question_is_an_unknown_account(wire, rail):
    wire.set("POST", http.HTTPError("x"))
    with pytest.raises(BankUnreachable):
        desk_of(rail).holder_of("044", "0690000040")


@pytest.mark.parametrize("text", ["0690000040", " 069 000 0040", "069-000-0040"])
def test_an_account_number_is_ten_digits(text):
    assert require_account_number(text) == "0690000040"


@pytest.mark.parametrize("text", ["", "069000004", "06900000401", "069000004x", "٠٦٩٠٠٠٠٠٤٠"])
def test_anything_else_is_no_account_number(text):
    with pytest.raises(AccountMalformed):
        require_account_number(text)


def test_a_rail_without_a_desk_looks_up_nothing():
    with pytest.raises(MethodGone):
        desk_of("kraken")


def test_flutterwave_v4_is_asked_its_own_way_with_its_token(wire, settings):
    settings.FLUTTERWAVE_PAYOUT_VERSION = "v4"
    settings.FLUTTERWAVE_V4_CLIENT_ID, settings.FLUTTERWAVE_V4_CLIENT_SECRET = "id", "secret"
    wire.set("POST openid-connect/token", {"access_token": "t0ken", "expires_in": 600})
    wire.set('POST /banks/account-resolve "code":"044"', {"status": "success", "data": {"account_name": "ADA OBI"}})
    wire.set(
        "GET /banks?country=NG", {"status": "success", "data": [{"id": "b", "code": "044", "name": "Access Bank"}]}
    )
    providers.provider_of("flutterwave_v4")._token = ("", 0)
    assert desk_of("flutterwave").holder_of("044", "0690000040") == "ADA OBI"
    assert known_banks("flutterwave") == [Bank("044", "Access Bank")]
    assert desks_that_tell_fees() == []


def test_without_a_token_the_bank_is_unreachable(wire, settings):
    settings.FLUTTERWAVE_PAYOUT_VERSION = "v4"
    providers.provider_of("flutterwave_v4")._token = ("", 0)
    wire.set("POST openid-connect/token", 503)
    with pytest.raises(BankUnreachable):
        desk_of("flutterwave").holder_of("044", "0690000040")

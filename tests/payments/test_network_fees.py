"""Network fees: stored with their moment, a margin on top, refused when nobody knows (W1, T7)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.urls import reverse

from lockbay import clock, http
from lockbay.http import NetworkInsideTransaction
from payments import chains
from payments.banks import known_banks
from payments.models import StoredFee
from payments.network_fees import FeeUnknown, chain_named, fees_of_chain, network_fee
from payments.rates.prewarm import prewarm
from payments.refreshing_fees import refresh_network_fees
from tests.cast import olu, usd
from tests.payments.chains.nodes import SCENES, Nodes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _rates():
    prewarm("test")
    chains.forget_readers()
    yield
    chains.forget_readers()


def age_all(age):
    StoredFee.objects.update(fetched_at=clock.real_now() - age)


def test_a_fee_is_price_times_units_and_the_margin_worth_a_cent_more():
    refresh_network_fees()
    fee = network_fee(network="TRC20", asset="USDT")
    assert (fee.asset, fee.cost, fee.charged) == ("TRX", Decimal("6.845"), Decimal("8.214"))
    assert [(one.name, one.units, one.price) for one in fee.resources] == [
        ("energy", 65_000, 100),
        ("bandwidth", 345, 1_000),
    ]
    assert fee.money == usd("2.33")  # 8.214 × 0.2834 = 2.3278…
    assert fee.is_live


def test_a_chains_own_coin_is_cheaper_than_a_token_on_it():
    refresh_network_fees()
    coin, token = fees_of_chain("ethereum")
    assert (coin.kind, token.kind) == ("coin", "token")
    assert network_fee(network="ETH", asset="ETH") == coin
    assert network_fee(network="ERC20", asset="USDC") == token


def test_what_nobody_told_is_unknown():
    with pytest.raises(FeeUnknown) as unknown:
        network_fee(network="BTC", asset="BTC")
    assert unknown.value.reason == "missing"


def test_what_is_too_old_is_unknown_and_comes_back_with_the_next_look():
    refresh_network_fees()
    age_all(timedelta(minutes=10, seconds=5))
    with pytest.raises(FeeUnknown) as unknown:
        network_fee(network="BTC", asset="BTC")
    assert unknown.value.reason == "too_old"
    refresh_network_fees()
    assert network_fee(network="BTC", asset="BTC").cost == Decimal("0.00000846")


def test_a_stamp_from_the_future_is_no_fresher():
    refresh_network_fees()
    age_all(-timedelta(hours=1))
    with pytest.raises(FeeUnknown):
        network_fee(network="BTC", asset="BTC")


def test_without_a_rate_the_fee_is_unknown():
    from payments.models import StoredRate
    from payments.rates import quotes

    refresh_network_fees()
    StoredRate.objects.filter(base="TRX").delete()
    quotes.forget_all()
    with pytest.raises(FeeUnknown) as unknown:
        network_fee(network="TRC20", asset="USDT")
    assert unknown.value.reason == "rate"


def test_cellframe_has_the_fee_that_staff_set_and_says_so(settings):
    with pytest.raises(FeeUnknown):
        network_fee(network="CF20", asset="CELL")
    settings.CELLFRAME_FEE_CELL = Decimal("0.5")
    fee = network_fee(network="CF20", asset="CELL")
    assert (fee.cost, fee.source, fee.is_live) == (Decimal("0.5"), "staff", False)


def test_a_bank_rail_that_tells_nothing_has_the_settings_fee_without_a_margin():
    fee = network_fee(network="BANK", asset="NGN", rail="fincra")
    assert (fee.charged, fee.asset, fee.is_live) == (Decimal("50"), "NGN", False)
    assert fee.money == usd("0.04")


def on_the_wire(settings, routes, urls):
    settings.NETWORK_FEE_SOURCE = "nodes"
    settings.CHAIN_ENDPOINTS = urls
    nodes = Nodes(routes)
    http.use_transport(http.MockTransport(nodes))
    chains.forget_readers()
    for chain in urls:
        chains.reader_of_chain(chain)._pool.sleep = lambda pause: None
    return nodes


def test_each_chain_with_nodes_is_asked_and_one_that_is_silent_harms_no_other(settings):
    routes = [*SCENES["bitcoin"].routes, ("esplora.test /fee-estimates", '{"3": 6.5}'), ("tron.test", 500)]
    on_the_wire(settings, routes, {"bitcoin": [SCENES["bitcoin"].url], "tron": [SCENES["tron"].url], "solana": []})
    assert refresh_network_fees() == 1
    fee = network_fee(network="BTC", asset="BTC")
    assert (fee.cost, fee.source) == (Decimal("0.000009165"), "nodes")
    with pytest.raises(FeeUnknown):
        network_fee(network="TRC20", asset="USDT")


def test_what_is_young_is_not_asked_for_again(settings):
    routes = [*SCENES["bitcoin"].routes, ("/fee-estimates", '{"3": 6.5}')]
    nodes = on_the_wire(settings, routes, {"bitcoin": [SCENES["bitcoin"].url]})
    refresh_network_fees()
    asked = len(nodes.asked)
    refresh_network_fees()
    assert len(nodes.asked) == asked


def test_flutterwave_tells_its_own_fee(settings):
    settings.FLUTTERWAVE_SECRET_KEY = "FLWSECK-test"
    fee = {"status": "success", "data": [{"currency": "NGN", "fee_type": "value", "fee": 53.75}]}
    nodes = on_the_wire(settings, [("GET api.flutterwave.com /v3/transfers/fee", fee)], {})
    refresh_network_fees()
    told = network_fee(network="BANK", asset="NGN", rail="flutterwave")
    assert (told.cost, told.charged, told.source) == (Decimal("53.75"), Decimal("53.75"), "flutterwave")
    assert "amount=1000000&currency=NGN" in nodes.asked[0]


@pytest.mark.parametrize(
    "answer",
    [
        500,
        {"status": "error", "data": None},
        {"status": "success", "data": []},
        {"status": "success", "data": [{"currency": "NGN", "fee_type": "percentage", "fee": 1}]},
        {"status": "success", "data": [{"currency": "NGN", "fee_type": "value", "fee": "-1"}]},
    ],
)
def test_a_fee_that_cannot_be_read_is_not_stored(settings, answer):
    settings.FLUTTERWAVE_SECRET_KEY = "FLWSECK-test"
    on_the_wire(settings, [("/transfers/fee", answer)], {})
    assert refresh_network_fees() == 0


def test_nothing_is_fetched_inside_a_transaction():
    with pytest.raises(NetworkInsideTransaction), transaction.atomic():
        refresh_network_fees()


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        ("tron", "tron"),
        ("TRC20", "tron"),
        ("trx", "tron"),
        ("BTC", "bitcoin"),
        ("Bitcoin Cash", "bitcoincash"),
        ("bep-20", "bsc"),
        ("usdt", ""),
        ("", ""),
        ("<b>", ""),
    ],
)
def test_a_chain_is_known_by_its_name_its_coin_and_its_networks(text, chain):
    assert chain_named(text) == chain


def test_staff_see_what_is_known_and_how_old_it_is(client):
    client.force_login(olu())
    refresh_network_fees()
    StoredFee.objects.filter(chain="bitcoin").update(fetched_at=clock.real_now() - timedelta(hours=1))
    page = client.get(reverse("admin:payments_storedfee_changelist")).content.decode()
    assert "tron" in page
    assert "too old" in page
    known_banks("sandbox")
    assert ">3<" in client.get(reverse("admin:payments_banklist_changelist")).content.decode()

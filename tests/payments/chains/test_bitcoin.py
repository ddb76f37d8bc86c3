"""Bitcoin and its kin: outputs, confirmations, replaced transactions, two kinds of explorers."""

import pytest

from payments.chains.base import NotSeen, Pending, Unknown
from payments.chains.bitcoin import Bitcoin, BitcoinCash, Dogecoin, Litecoin
from tests.payments.chains.nodes import SCENES, Missing, playing, recorded

SCENE = SCENES["bitcoin"]
EARLIER = recorded("esplora/native")["vin"][0]["txid"]
MARK = f"{EARLIER}:1"


def read(settings, case, *, head="930003"):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("/tx/", recorded(f"esplora/{case}"))
        nodes.set("/blocks/tip/height", head)
        return reader.read_transaction(SCENE.txid)


def test_each_address_that_was_paid_is_one_transfer_and_data_is_none(settings):
    payments = {one.recipient: one.raw_amount for one in read(settings, "native")}
    assert payments == {SCENE.address: 115_000, "1LoFPq868jZZq7V9fwx1Ari5Z7fUrxksb1": 783_590}


def test_several_outputs_to_one_address_are_summed(settings):
    payments = {one.recipient: one.raw_amount for one in read(settings, "several")}
    assert payments[SCENE.address] == 12_000


@pytest.mark.parametrize(
    ("head", "confirmations", "is_final"),
    [("929999", 0, False), ("930000", 0, False), ("930001", 1, False), ("930002", 2, True)],
)
def test_confirmations_are_counted_from_the_head_minus_one(settings, head, confirmations, is_final):
    payment = read(settings, "native", head=head)[0]
    assert (payment.confirmations, payment.is_final) == (confirmations, is_final)


def test_freshly_mined_coins_must_ripen(settings):
    assert not read(settings, "coinbase", head="930099")[0].is_final
    assert read(settings, "coinbase", head="930100")[0].is_final


def test_every_coin_has_its_own_depth():
    needed = {reader.native_asset: reader.confirmations_needed for reader in (Bitcoin, Litecoin, Dogecoin, BitcoinCash)}
    assert needed == {"BTC": 2, "LTC": 6, "DOGE": 20, "BCH": 10}


def test_in_no_block_it_is_pending_and_remembers_what_it_spends(settings):
    with pytest.raises(Pending) as pending:
        read(settings, "unconfirmed")
    assert pending.value.mark == MARK


@pytest.mark.parametrize(
    ("case", "head", "replaced"),
    [
        ("replaced", "930003", True),
        ("replaced", "930002", False),
        ("in_mempool", "930003", False),
        ("ours", "930003", False),
    ],
)
def test_it_is_replaced_once_another_spender_is_deep_enough(settings, case, head, replaced):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("/blocks/tip/height", head)
        nodes.set(f"/tx/{EARLIER}/outspend/1", recorded(f"esplora/outspend__{case}"))
        assert reader.is_replaced(SCENE.txid, MARK) is replaced


@pytest.mark.parametrize("mark", ["", "x", f"{EARLIER}:", f"{EARLIER}:x", f"{EARLIER}:²"])
def test_without_a_mark_nothing_is_called_replaced(settings, mark):
    with playing(SCENE, settings) as (reader, nodes):
        assert not reader.is_replaced(SCENE.txid, mark)
        assert nodes.asked == []


@pytest.mark.parametrize("answer", [500, Missing("Transaction not found")])
def test_when_nobody_knows_nothing_is_called_replaced(settings, answer):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("/outspend/", answer)
        assert not reader.is_replaced(SCENE.txid, MARK)


def test_a_page_of_a_proxy_with_404_does_not_mean_unknown_transaction(settings):
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("/tx/", Missing("<html>404 Not Found</html>"))
        with pytest.raises(Unknown):
            reader.read_transaction(SCENE.txid)


@pytest.mark.parametrize("value", ["115000", "0.00115", -5, None, True, "1e5"])
def test_an_amount_that_is_no_whole_number_is_not_believed(settings, value):
    broken = recorded("esplora/native")
    broken["vout"][0]["value"] = value
    with playing(SCENE, settings) as (reader, nodes):
        nodes.set("/tx/", broken)
        if value == "115000":
            assert reader.read_transaction(SCENE.txid)[0].raw_amount == 115_000
        else:
            with pytest.raises(Unknown):
                reader.read_transaction(SCENE.txid)


def test_two_nodes_on_two_branches_are_not_believed(settings):
    other = recorded("esplora/native")
    other["status"]["block_hash"] = "00" * 32
    with playing(SCENE, settings, urls=[SCENE.url, "https://second.test/api"]) as (reader, nodes):
        nodes.set("second.test /tx/", other)
        with pytest.raises(Unknown):
            reader.read_transaction(SCENE.txid)


class TestBlockchair:
    scene = SCENES["dogecoin"]

    def test_a_transaction_in_no_block_is_pending(self, settings):
        with playing(self.scene, settings) as (reader, nodes):
            nodes.set("/dashboards/transaction/", recorded("blockchair/dogecoin__mempool"))
            with pytest.raises(Pending) as pending:
                reader.read_transaction(self.scene.txid)
        assert pending.value.mark == f"{EARLIER}:0"

    def test_a_replacement_is_recognised(self, settings):
        with playing(self.scene, settings) as (reader, nodes):
            nodes.set(f"/dashboards/transaction/{EARLIER}", recorded("blockchair/earlier__replaced"))
            assert reader.is_replaced(self.scene.txid, f"{EARLIER}:0")
            assert not reader.is_replaced(self.scene.txid, f"{EARLIER}:1")

    def test_the_documented_formula_of_confirmations_is_not_used(self, settings):
        with playing(self.scene, settings) as (reader, _):
            payment = reader.read_transaction(self.scene.txid)[0]
        assert (payment.confirmations, payment.is_final) == (25, True)

    @pytest.mark.parametrize("code", [402, 429, 430, 435, 503, None])
    def test_a_refusal_inside_http_200_is_a_fault(self, settings, code):
        refusal = {"data": None, "context": {"code": code, "error": "limit"}}
        with playing(self.scene, settings) as (reader, nodes):
            nodes.set("/dashboards/transaction/", refusal)
            with pytest.raises(Unknown):
                reader.read_transaction(self.scene.txid)

    @pytest.mark.parametrize("data", [[], {}, None])
    def test_a_missing_key_means_not_seen(self, settings, data):
        with playing(self.scene, settings) as (reader, nodes):
            nodes.set("/dashboards/transaction/", {"data": data, "context": {"code": 200}})
            with pytest.raises(NotSeen):
                reader.read_transaction(self.scene.txid)

    def test_the_key_in_the_address_goes_with_every_call(self, settings):
        with playing(self.scene, settings, urls=[f"{self.scene.url}?key=se-cret"]) as (reader, nodes):
            assert reader.read_transaction(self.scene.txid)
        assert nodes.asked
        assert all("?key=se-cret" in line for line in nodes.asked)

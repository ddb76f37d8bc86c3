"""What sending costs, at the wire of each chain: the live price times the units (W1, T7)."""

from decimal import Decimal

import pytest

from lockbay import http
from payments import chains
from payments.chains.base import Unknown, UnknownChain
from payments.chains.fees import QUESTIONS
from tests.payments.chains.nodes import SCENES, Missing, Nodes, RpcError, playing

TRON_PARAMETERS = {
    "chainParameter": [
        {"key": "getMaintenanceTimeInterval", "value": 21600000},
        {"key": "getTransactionFee", "value": 1000},
        {"key": "getEnergyFee", "value": 210},
        {"key": "getAllowCreationOfContracts"},
    ]
}


def costs(chain, settings, *routes):
    with playing(SCENES[chain], settings) as (reader, nodes):
        for words, answer in routes:
            nodes.set(words, answer)
        return {cost.kind: cost for cost in reader.transfer_costs()}


def evm_costs(settings, gas_price, block, chain="ethereum", chain_id="0x1"):
    settings.CHAIN_ENDPOINTS = {chain: ["https://evm.test/key"]}
    nodes = Nodes(
        [
            ("eth_chainId", {"value": chain_id}),
            ("eth_blockNumber", {"value": "0x64"}),
            ("eth_gasPrice", {"value": gas_price}),
            ("eth_getBlockByNumber latest", block),
        ]
    )
    http.use_transport(http.MockTransport(nodes))
    chains.forget_readers()
    reader = chains.reader_of_chain(chain)
    reader._pool.sleep = lambda pause: None
    try:
        return {cost.kind: cost for cost in reader.transfer_costs()}
    finally:
        http.use_transport(None)


def test_every_chain_but_cellframe_tells_a_price():
    assert set(chains.READERS) - set(QUESTIONS) == {"cellframe"}
    with pytest.raises(UnknownChain):
        chains.reader_of_chain("cellframe").transfer_costs()


@pytest.mark.parametrize(("chain", "chain_id"), [("ethereum", "0x1"), ("bsc", "0x38")])
def test_gas_is_paid_at_the_price_that_the_node_suggests(settings, chain, chain_id):
    told = evm_costs(settings, "0x77359400", {"number": "0x64", "baseFeePerGas": "0x3b9aca00"}, chain, chain_id)
    assert (told["coin"].raw, told["token"].raw) == (21_000 * 2 * 10**9, 65_000 * 2 * 10**9)


def test_gas_is_never_cheaper_than_the_base_fee(settings):
    told = evm_costs(settings, "0x1", {"number": "0x64", "baseFeePerGas": "0x3b9aca00"})
    assert told["coin"].resources[0].price == 10**9


def test_a_chain_without_base_fee_has_a_gas_price(settings):
    assert evm_costs(settings, "0x3b9aca00", {"number": "0x64"})["coin"].raw == 21_000 * 10**9


@pytest.mark.parametrize("price", ["0x0", "-0x1", "0x", "1", "0x" + "f" * 32, "0xzz"])
def test_an_absurd_gas_price_is_not_believed(settings, price):
    with pytest.raises(Unknown):
        evm_costs(settings, price, {"number": "0x64"})


def test_tron_burns_energy_and_bandwidth_at_the_chains_prices(settings):
    told = costs("tron", settings, ("/wallet/getchainparameters", TRON_PARAMETERS))
    assert told["coin"].raw == 268 * 1_000
    assert told["token"].raw == 65_000 * 210 + 345 * 1_000


@pytest.mark.parametrize("answer", [{}, {"chainParameter": [{"key": "getEnergyFee", "value": 210}]}, {"Error": "busy"}])
def test_tron_without_a_price_is_unknown(settings, answer):
    with pytest.raises(Unknown):
        costs("tron", settings, ("/wallet/getchainparameters", answer))


def test_solana_takes_the_signature_and_what_recent_ones_paid_on_top(settings):
    paid = [{"slot": slot, "prioritizationFee": fee} for slot, fee in enumerate([0, 0, 10_000, 20_000, 9_000_000])]
    told = costs("solana", settings, ("getRecentPrioritizationFees", {"value": paid}))
    assert told["coin"].raw == 5_000 + 450 * Decimal("0.02")
    assert told["token"].raw == 5_000 + 7_000 * Decimal("0.02")


@pytest.mark.parametrize("answer", [{"value": []}, RpcError(-32601), {"value": [{"slot": 1}]}])
def test_solana_without_an_answer_is_unknown(settings, answer):
    with pytest.raises(Unknown):
        costs("solana", settings, ("getRecentPrioritizationFees", answer))


def test_aptos_is_asked_for_its_estimate(settings):
    estimate = {"deprioritized_gas_estimate": 100, "gas_estimate": 150, "prioritized_gas_estimate": 300}
    told = costs("aptos", settings, ("/estimate_gas_price", estimate))
    assert told["coin"].raw == told["token"].raw == 1_000 * 150


def test_bitcoin_takes_the_price_of_the_next_three_blocks(settings):
    told = costs("bitcoin", settings, ("/fee-estimates", '{"1": 12.5, "3": 4.253, "144": 1.0}'))
    assert told["coin"].raw == 141 * Decimal("4.253")
    assert "token" not in told


def test_an_explorer_of_the_other_spelling_is_asked_its_way(settings):
    recommended = '{"fastestFee": 9, "halfHourFee": 7, "hourFee": 5, "economyFee": 2, "minimumFee": 1}'
    answers = [("/fee-estimates", Missing("no route")), ("/v1/fees/recommended", recommended)]
    assert costs("litecoin", settings, *answers)["coin"].raw == 141 * 7


@pytest.mark.parametrize("chain", ["dogecoin", "bitcoincash"])
def test_blockchair_suggests_a_price_a_byte(settings, chain):
    stats = dict(next(answer for words, answer in SCENES[chain].routes if "/stats" in words))
    stats["data"] = {**stats["data"], "suggested_transaction_fee_per_byte_sat": 500}
    assert costs(chain, settings, ("/stats", stats))["coin"].raw == 226 * 500


@pytest.mark.parametrize("answer", [500, "<html>", "{}", '{"3": 0}', '{"3": -1}', '{"3": "4"}', '{"3": 1e30}'])
def test_without_a_sane_price_it_is_unknown(settings, answer):
    with pytest.raises(Unknown):
        costs("bitcoin", settings, ("/fee-estimates", answer))

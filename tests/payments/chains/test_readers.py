"""What every reader of a chain promises, on the recorded wire of its nodes."""

import httpx
import pytest

from payments.chains import reader_of_chain, reader_of_network
from payments.chains.base import MalformedAddress, MalformedHash, NotSeen, Unknown
from payments.networks import NETWORKS
from tests.payments.chains.nodes import HTML, SCENES, RpcError, playing


@pytest.fixture(params=list(SCENES))
def scene(request):
    return SCENES[request.param]


def ours(scene, transfers):
    return [one for one in transfers if one.recipient == scene.address and one.asset == scene.asset]


def test_a_good_payment_is_read_in_raw_units_with_its_block(scene, settings):
    with playing(scene, settings) as (reader, _):
        transfers = reader.read_transaction(scene.txid)
    (payment,) = ours(scene, transfers)
    assert (payment.chain, payment.txid, payment.raw_amount) == (reader.chain, scene.txid, scene.raw_amount)
    assert type(payment.raw_amount) is int
    assert payment.succeeded
    assert payment.is_final is (payment.confirmations >= reader.confirmations_needed)
    assert payment.block_hash
    assert payment.block_number is not None
    assert payment.block_time.isoformat().startswith("2026-01-15T10:30:00")
    assert all(one.raw_amount > 0 for one in transfers)


def test_the_class_data_fits_the_table_of_networks(scene):
    for network in scene.reader.networks:
        assert NETWORKS[network].chain == scene.reader.chain


def test_the_table_of_readers_names_it(scene):
    reader = reader_of_chain(scene.reader.chain)
    assert type(reader) is scene.reader
    assert {reader_of_network(network) for network in scene.reader.networks} == {reader}


def test_a_hash_is_trimmed_and_brought_to_one_spelling(scene, settings):
    with playing(scene, settings) as (reader, nodes):
        assert reader.normalise_txid(f"  {scene.txid}\n") == scene.txid
        if reader.chain != "solana":
            assert reader.normalise_txid(scene.txid.upper()) == scene.txid
        assert nodes.asked == []


@pytest.mark.parametrize("text", ["", "x", "0x", "hello world", "z" * 64, "0" * 63, "1" * 88, "ａ" * 64, "'; --"])
def test_a_malformed_hash_is_refused_before_any_call(scene, settings, text):
    with playing(scene, settings) as (reader, nodes):
        with pytest.raises(MalformedHash):
            reader.normalise_txid(text)
        assert nodes.asked == []


def test_addresses_are_checked_by_their_own_chain_before_any_call(scene, settings):
    with playing(scene, settings) as (reader, nodes):
        assert reader.normalise_address(f" {scene.address} ") == scene.address
        with pytest.raises(MalformedAddress):
            reader.normalise_address(scene.address[:20])
        assert nodes.asked == []


def test_an_unknown_hash_is_not_seen(scene, settings):
    with playing(scene, settings) as (reader, nodes):
        for route in scene.unknown:
            nodes.set(*route)
        with pytest.raises(NotSeen):
            reader.read_transaction(scene.txid)


@pytest.mark.parametrize(
    "answer",
    [
        HTML,
        429,
        500,
        403,
        404,
        b"",
        b"{",
        b"[]",
        b"{}",
        b"null",
        b'"text"',
        b'{"Error":"class java.lang.Exception : lack of computing resources"}',
        b'{"status":"0","message":"NOTOK","result":"Max rate limit reached"}',
        b"this API is closed because this node is a lite fullnode",
        b"\xff\xfe",
        httpx.ReadTimeout("hangs"),
        httpx.ConnectError("refused"),
    ],
    ids=str,
)
def test_a_node_that_answers_rubbish_makes_it_unknown_and_never_a_fact(scene, settings, answer):
    with playing(scene, settings) as (reader, nodes):
        nodes.routes = [("", answer)]
        with pytest.raises(Unknown):
            reader.read_transaction(scene.txid)


@pytest.mark.parametrize("answer", [HTML, 429, b"[]", b"7", b'{"a":1,"a":2}', httpx.ReadTimeout("hangs")], ids=str)
def test_rubbish_instead_of_the_transaction_makes_it_unknown(scene, settings, answer):
    with playing(scene, settings) as (reader, nodes):
        nodes.set(scene.payment, answer)
        with pytest.raises(Unknown):
            reader.read_transaction(scene.txid)


def test_the_answer_about_another_transaction_is_not_believed(scene, settings):
    other = scene.txid[:-4] + "1111"
    with playing(scene, settings) as (reader, _), pytest.raises((Unknown, NotSeen)):
        reader.read_transaction(other)


def test_a_node_of_another_chain_is_not_believed(scene, settings):
    if not scene.other_chain:
        assert scene.reader.chain == "cellframe"  # the net is named in every question
        return
    with playing(scene, settings) as (reader, nodes):
        nodes.set(*scene.other_chain)
        with pytest.raises(Unknown):
            reader.read_transaction(scene.txid)


def test_one_dead_node_is_passed_over(scene, settings):
    alive = scene.url.replace("https://", "https://alive-")
    with playing(scene, settings, urls=[scene.url, alive]) as (reader, nodes):
        nodes.set(f" {scene.url.split('/')[2]} ", httpx.ConnectTimeout("dead"))
        nodes.routes.extend(("alive- " + words, answer) for words, answer in scene.routes)
        assert ours(scene, reader.read_transaction(scene.txid))


def test_two_nodes_that_disagree_make_it_unknown(scene, settings):
    second = scene.url.replace("https://", "https://second-")
    with playing(scene, settings, urls=[scene.url, second]) as (reader, nodes):
        for words, answer in scene.unknown:
            nodes.set("second- " + words, answer)
        with pytest.raises(Unknown):
            reader.read_transaction(scene.txid)


def test_without_a_node_everything_is_unknown_and_nothing_fails(scene, settings):
    settings.CHAIN_ENDPOINTS = {}
    reader = scene.reader()
    assert reader.normalise_txid(scene.txid) == scene.txid
    with pytest.raises(Unknown):
        reader.read_transaction(scene.txid)


def test_the_hash_of_a_block_can_be_asked_again(scene, settings):
    with playing(scene, settings) as (reader, _):
        (payment,) = ours(scene, reader.read_transaction(scene.txid))
        if reader.chain == "cellframe":
            with pytest.raises(Unknown):
                reader.block_hash_at(payment.block_number)
            assert reader.recheck_depth == reader.confirmations_needed
        else:
            assert reader.block_hash_at(payment.block_number) == payment.block_hash


def test_an_error_inside_http_200_is_a_fault_of_the_node(settings):
    scene = SCENES["solana"]
    with playing(scene, settings) as (reader, nodes):
        nodes.set("getTransaction", RpcError(-32015, "Transaction version (0) is not supported"))
        with pytest.raises(Unknown):
            reader.read_transaction(scene.txid)

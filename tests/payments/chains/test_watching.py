"""Looking for payments to an address on the recorded wire: each chain's history, its pages and its bad days (P8)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from payments.chains.base import NotSeen, Unknown
from payments.chains.tron import address_in
from tests.payments.chains.nodes import HTML, SCENES, Missing, playing, recorded

PAID_AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
SINCE = PAID_AT - timedelta(hours=1)
MS = int(PAID_AT.timestamp() * 1_000)
USDT_ON_TRON = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
A_TOKEN_ACCOUNT = "7ZWQrS9GzrTjGZQMnEgvVxWkKpE8S4PwkSvvQ2PHnEsV"
SIGNATURES = [f"{letter * 87}" for letter in "abcdefgh"]


def tron_page(rows, fingerprint=None):
    return {"data": rows, "success": True, "meta": {"at": MS, "page_size": len(rows), "fingerprint": fingerprint}}


def tron_token(scene, txid="", **changes):
    return {
        "transaction_id": txid or scene.txid,
        "token_info": {"symbol": "USDT", "address": USDT_ON_TRON, "decimals": 6},
        "block_timestamp": MS,
        "from": "TX",
        "to": scene.address,
        "type": "Transfer",
        "value": str(scene.raw_amount),
        **changes,
    }


def signature(text, **changes):
    return {"signature": text, "slot": 392_000_000, "err": None, "blockTime": MS // 1_000, **changes}


def activity(version="2747361321", kind="0x1::fungible_asset::Deposit"):
    return {"transaction_version": int(version), "type": kind}


def chair_page(key, rows):
    return {"data": {key: {"address": {"type": "p2pkh"}, "transactions": rows}}, "context": {"code": 200}}


def chair_row(scene, height, **changes):
    time = "2026-01-15 10:30:00"
    return {"block_id": height, "hash": scene.txid, "time": time, "balance_change": scene.raw_amount, **changes}


def cellframe_answer(scene, *rows):
    listed = [{"addr": scene.address}, {"limit": 1000}, *rows]
    return {"type": 2, "id": 1, "version": 2, "result": [listed]}


def cellframe_row(scene, **changes):
    got = {"tx_type": "recv", "recv_datoshi": str(scene.raw_amount), "token": "CPUNK", "source_address": "x"}
    return {
        "status": "ACCEPTED",
        "hash": "0x" + scene.txid[2:].upper(),
        "tx_created": "Thu, 15 Jan 2026 10:30:00 +0000",
        "data": [{"tx_type": "send", "send_datoshi": "1", "token": "CPUNK"}, got],
        **changes,
    }


def history_of(chain):
    """The routes of a node that lists the scene's payment."""
    scene = SCENES[chain]
    if chain == "tron":
        return [("/v1/accounts/", tron_page([])), ("/transactions/trc20", tron_page([tron_token(scene)]))]
    if chain == "solana":
        account = {"value": [{"pubkey": A_TOKEN_ACCOUNT}]}
        rows = {"value": [signature(scene.txid)]}
        return [
            ("getTokenAccountsByOwner", {"value": {"value": []}}),
            ("getTokenAccountsByOwner EPjFWdd5", {"value": account}),
            ("getSignaturesForAddress", {"value": []}),
            (f"getSignaturesForAddress {A_TOKEN_ACCOUNT}", rows),
        ]
    if chain == "aptos":
        listed = {"data": {"fungible_asset_activities": [activity()]}}
        return [("POST /v1/graphql", listed), ("/transactions/by_version/2747361321", recorded("aptos/token"))]
    if chain in ("bitcoin", "litecoin"):
        payment = recorded("esplora/native" if chain == "bitcoin" else "esplora/litecoin")
        return [(f"/address/{scene.address}/txs", [payment])]
    if chain == "dogecoin":
        return [("/dashboards/address/", chair_page(scene.address, [chair_row(scene, 6_000_000)]))]
    if chain == "bitcoincash":
        key = scene.address.removeprefix("bitcoincash:")
        return [(f"/dashboards/address/{key}", chair_page(key, [chair_row(scene, 930_000)]))]
    return [("tx_history -addr", cellframe_answer(scene, cellframe_row(scene)))]


EMPTY = {
    "tron": [("/v1/accounts/", tron_page([]))],
    "solana": [("getTokenAccountsByOwner", {"value": {"value": []}}), ("getSignaturesForAddress", {"value": []})],
    "aptos": [("POST /v1/graphql", {"data": {"fungible_asset_activities": []}})],
    "bitcoin": [("/address/", [])],
    "litecoin": [("/address/", [])],
    "dogecoin": [("/dashboards/address/", recorded("blockchair/unknown"))],
    "bitcoincash": [("/dashboards/address/", recorded("blockchair/unknown"))],
    "cellframe": [
        ("tx_history -addr", {"type": 2, "id": 1, "version": 2, "result": [[{"addr": "x"}, {"limit": 1000}]]})
    ],
}
ROUTE = {
    "tron": "/v1/accounts/",
    "solana": "getSignaturesForAddress",
    "aptos": "/v1/graphql",
    "bitcoin": "/address/",
    "litecoin": "/address/",
    "dogecoin": "/dashboards/address/",
    "bitcoincash": "/dashboards/address/",
    "cellframe": "-addr",
}


@pytest.fixture(params=list(SCENES))
def chain(request):
    return request.param


def with_history(chain, *more, routes=None):
    scene = SCENES[chain]
    return replace(scene, routes=[*scene.routes, *(history_of(chain) if routes is None else routes), *more])


def look(scene, settings, cursor="", since=SINCE):
    with playing(scene, settings) as (reader, nodes):
        return reader.transfers_to(scene.address, cursor, since), nodes


class TestEveryChain:
    def test_finds_the_payment_with_what_it_brought_and_when(self, chain, settings):
        scene = with_history(chain)
        scan, _ = look(scene, settings)
        (sighting,) = scan.sightings
        assert (sighting.txid, sighting.asset, sighting.raw_amount) == (scene.txid, scene.asset, scene.raw_amount)
        assert sighting.at.replace(microsecond=0) == PAID_AT
        assert scan.is_done
        with playing(scene, settings) as (reader, _):
            proofs = reader.read_transaction(sighting.txid)
        (proof,) = [one for one in proofs if one.recipient == scene.address and one.asset == scene.asset]
        assert (proof.raw_amount, proof.contract, proof.raw_digits) == (
            sighting.raw_amount,
            sighting.contract,
            sighting.raw_digits,
        )

    def test_an_account_that_nobody_ever_paid_is_empty(self, chain, settings):
        scan, _ = look(with_history(chain, routes=EMPTY[chain]), settings)
        assert (scan.sightings, scan.is_done) == ((), True)

    @pytest.mark.parametrize("answer", [HTML, 429, 503, b"null", b'"slow down"', b'{"data": "no", "result": 3}', b"{}"])
    def test_a_bad_answer_is_unknown_and_never_nothing(self, chain, settings, answer):
        """F27."""
        with pytest.raises(Unknown):
            look(with_history(chain, (ROUTE[chain], answer)), settings)

    def test_going_on_from_the_cursor_misses_nothing_that_comes_then(self, chain, settings):
        first, _ = look(with_history(chain, routes=EMPTY[chain]), settings)
        scan, _ = look(with_history(chain), settings, cursor=first.cursor)
        assert [one.txid for one in scan.sightings] == [SCENES[chain].txid]


class TestTron:
    def test_pages_are_followed_by_their_fingerprint_and_what_is_read_is_asked_for_again_for_minutes(self, settings):
        scene = SCENES["tron"]
        first, second = ("a1" * 32, "b2" * 32)
        scene = with_history(
            "tron",
            ("/transactions/trc20", tron_page([tron_token(scene, first)], "next-one")),
            (
                "/transactions/trc20 fingerprint=next-one",
                tron_page([tron_token(scene, second, block_timestamp=MS + 60_000)]),
            ),
        )
        scan, nodes = look(scene, settings)
        assert [one.txid for one in scan.sightings] == [first, second]
        assert all(f"contract_address={USDT_ON_TRON}" in line for line in nodes.asked if "trc20" in line)
        assert f'"{USDT_ON_TRON}":"{MS + 60_000 - 300_000}"' in scan.cursor

    def test_a_history_that_does_not_end_is_gone_through_in_steps(self, settings):
        scene = with_history("tron", ("/transactions/trc20", tron_page([tron_token(SCENES["tron"])], "more")))
        scan, nodes = look(scene, settings)
        assert not scan.is_done
        assert sum("trc20" in line for line in nodes.asked) == 10
        assert f'"{USDT_ON_TRON}":"{MS}"' in scan.cursor

    def test_coins_that_were_sent_count_and_nothing_else_does(self, settings):
        scene = SCENES["tron"]
        sent = recorded("tron/sent__native")
        paid = {**sent, "block_timestamp": MS}
        trc10 = {**recorded("tron/sent__trc10"), "block_timestamp": MS}
        failed = {**paid, "ret": [{"contractRet": "OUT_OF_ENERGY"}]}
        inner = {"internal_tx_id": "ab" * 32, "block_timestamp": MS}
        rows = tron_page([paid, trc10, failed, inner])
        scene = with_history("tron", ("/v1/accounts/", rows), ("/transactions/trc20", tron_page([])))
        to = sent["raw_data"]["contract"][0]["parameter"]["value"]
        scan, _ = look(replace(scene, address=address_in(to["to_address"])), settings)
        assert [(one.txid, one.asset, one.raw_amount) for one in scan.sightings] == [
            (sent["txID"], "TRX", to["amount"])
        ]

    @pytest.mark.parametrize(
        "change",
        [
            {"value": "0"},
            {"type": "Approval"},
            {"to": "TSomebodyElse"},
            {"token_info": {"symbol": "USDT", "address": "TFakeFakeFakeFakeFakeFakeFakeFakeFa", "decimals": 6}},
        ],
    )
    def test_dust_of_poisoners_and_fake_tokens_are_not_seen(self, settings, change):
        """F26: a history is full of zero amounts and of tokens that call themselves USDT."""
        row = tron_token(SCENES["tron"], **change)
        scan, _ = look(with_history("tron", ("/transactions/trc20", tron_page([row]))), settings)
        assert scan.sightings == ()

    def test_a_plain_node_that_keeps_no_histories_is_passed_over_without_being_blamed(self, settings):
        scene = with_history("tron", ("GET plain.test", Missing("")))
        with playing(scene, settings, urls=["https://plain.test", scene.url]) as (reader, _):
            assert len(reader.transfers_to(scene.address, "", SINCE).sightings) == 1
            assert [endpoint.is_awake for endpoint in reader._pool.endpoints] == [True, True]
        with playing(with_history("tron", ("GET", Missing(""))), settings) as (reader, _), pytest.raises(NotSeen):
            reader.transfers_to(scene.address, "", SINCE)


class TestSolana:
    def test_goes_back_page_by_page_to_the_last_signature_and_on_from_the_newest(self, settings):
        scene = SCENES["solana"]
        page = [signature(f"{number:088d}", err={"x": 1}) for number in range(1_000)]
        wallet = f"getSignaturesForAddress {scene.address}"
        scene = with_history(
            "solana",
            (wallet, {"value": page}),
            (f'{wallet} "before":"{page[-1]["signature"]}"', {"value": [signature(scene.txid)]}),
        )
        scan, nodes = look(scene, settings, cursor=f'{{"{scene.address}":"{"9" * 88}"}}')
        assert [one.txid for one in scan.sightings] == [scene.txid]
        asked = [line for line in nodes.asked if "getSignatures" in line and scene.address in line]
        assert len(asked) == 2
        assert all("9" * 88 in line for line in asked)
        assert f'"{scene.address}":"{page[0]["signature"]}"' in scan.cursor

    def test_what_failed_or_is_older_than_anybodys_request_is_not_read(self, settings):
        scene = SCENES["solana"]
        rows = {"value": [signature(scene.txid, err={"InstructionError": []})]}
        scan, nodes = look(with_history("solana", ("getSignaturesForAddress", rows)), settings)
        assert scan.sightings == ()
        old = {"value": [signature(scene.txid, blockTime=MS // 1_000 - 7_200)]}
        scan, nodes = look(with_history("solana", ("getSignaturesForAddress", old)), settings)
        assert (scan.sightings, scan.cursor) == ((), "{}")
        assert not any("getTransaction" in line for line in nodes.asked)

    def test_another_mint_is_not_seen(self, settings):
        scene = with_history("solana", ("getTransaction", recorded("solana/fake_token")))
        fake = recorded("solana/fake_token")["transaction"]["signatures"][0]
        scene = replace(scene, routes=[*scene.routes, ("getSignaturesForAddress", {"value": [signature(fake)]})])
        scan, _ = look(scene, settings)
        assert [one for one in scan.sightings if one.asset in ("USDT", "USDC")] == []

    def test_a_signature_without_its_transaction_is_a_node_that_is_behind(self, settings):
        with pytest.raises(Unknown):
            look(with_history("solana", ("getTransaction", {"value": None})), settings)


class TestAptos:
    def test_asks_for_listed_assets_from_the_cursor_on(self, settings):
        _, nodes = look(with_history("aptos"), settings, cursor="2747361000")
        (asked,) = [line for line in nodes.asked if "graphql" in line]
        for word in ("2747361000", SCENES["aptos"].address, "0x1::aptos_coin::AptosCoin", "2026-01-15T09:28:00"):
            assert word in asked

    def test_withdrawals_are_passed_over_and_a_full_page_is_not_the_end(self, settings):
        rows = [activity(str(number), "0x1::fungible_asset::Withdraw") for number in range(100)]
        scan, nodes = look(with_history("aptos", ("graphql", {"data": {"fungible_asset_activities": rows}})), settings)
        assert (scan.sightings, scan.is_done, scan.cursor) == ((), False, "100")
        assert not any("by_version/1 " in line for line in nodes.asked)

    def test_a_node_without_an_indexer_says_so(self, settings):
        with pytest.raises(NotSeen):
            look(with_history("aptos", ("graphql", Missing(""))), settings)

    def test_errors_of_the_indexer_are_unknown(self, settings):
        with pytest.raises(Unknown):
            look(with_history("aptos", ("graphql", {"errors": [{"message": "timeout"}]})), settings)


class TestBitcoinLike:
    def test_a_payment_in_the_mempool_has_no_time_yet(self, settings):
        scene = with_history("bitcoin", ("/address/", [recorded("esplora/unconfirmed")]))
        scan, _ = look(scene, settings)
        assert [(one.txid, one.at) for one in scan.sightings] == [(scene.txid, None)]
        chair = with_history(
            "dogecoin", ("/address/", chair_page(SCENES["dogecoin"].address, [chair_row(SCENES["dogecoin"], -1)]))
        )
        assert [one.at for one in look(chair, settings)[0].sightings] == [None]

    def test_pages_of_an_esplora_are_followed_down_to_the_cursor(self, settings):
        scene = SCENES["bitcoin"]
        payment = recorded("esplora/native")

        def mined(number, height):
            return {**payment, "txid": f"{number:064x}", "status": {**payment["status"], "block_height": height}}

        first = [mined(number, 930_002) for number in range(25)]
        scene = with_history(
            "bitcoin",
            ("/address/", first),
            (f"/txs/chain/{first[-1]['txid']}", [mined(99, 930_000), mined(100, 929_000)]),
        )
        scan, _ = look(scene, settings, cursor="929500")
        assert len(scan.sightings) == 26
        assert scan.cursor == str(930_003 - 6)

    def test_pages_of_a_blockchair_are_followed(self, settings):
        scene = SCENES["dogecoin"]
        rows = [chair_row(scene, 6_000_001, hash=f"{number:064x}") for number in range(100)]
        spent = chair_row(scene, 6_000_000, balance_change=-5)
        page = chair_page(scene.address, [spent, chair_row(scene, 6_000_000)])
        scene = with_history(
            "dogecoin", ("/address/", chair_page(scene.address, rows)), ("/address/ offset=100%2C0", page)
        )
        scan, _ = look(scene, settings)
        assert len(scan.sightings) == 101

    def test_a_reorganised_block_is_read_again(self, settings):
        """The same transaction in another block near the head is told again: the next look overlaps the last one."""
        first, _ = look(with_history("bitcoin"), settings)
        again, _ = look(with_history("bitcoin"), settings, cursor=first.cursor)
        assert [one.txid for one in again.sightings] == [one.txid for one in first.sightings]


class TestCellframe:
    def test_what_was_declined_or_is_old_or_of_another_ticker_is_not_seen(self, settings):
        scene = SCENES["cellframe"]
        fake = [{"tx_type": "recv", "recv_datoshi": "5", "token": "USDT"}]
        rows = [
            cellframe_row(scene, status="DECLINED"),
            cellframe_row(scene, tx_created="Wed, 14 Jan 2026 10:30:00 +0000"),
            cellframe_row(scene, data=fake),
        ]
        scan, _ = look(with_history("cellframe", ("-addr", cellframe_answer(scene, *rows))), settings)
        assert scan.sightings == ()

    def test_several_items_of_one_transaction_are_summed(self, settings):
        scene = SCENES["cellframe"]
        item = {"tx_type": "recv", "recv_datoshi": "5", "token": "CELL"}
        row = cellframe_row(scene, data=[item, item])
        scan, _ = look(with_history("cellframe", ("-addr", cellframe_answer(scene, row))), settings)
        assert [(one.asset, one.raw_amount) for one in scan.sightings] == [("CELL", 10)]

    def test_pages_are_asked_for_until_one_is_not_full(self, settings):
        scene = SCENES["cellframe"]
        full = [cellframe_row(scene, data=[]) for _ in range(1_000)]
        scene = with_history(
            "cellframe",
            ("-addr", cellframe_answer(scene, *full)),
            ("-offset;1000", cellframe_answer(scene, cellframe_row(scene))),
        )
        scan, _ = look(scene, settings)
        assert [one.txid for one in scan.sightings] == [scene.txid]

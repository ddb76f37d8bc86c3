"""Goal 16: what a rate look-up costs, and how long a start waits for all of them."""

import http.server
import json
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from payments.models import Breaker, RateHistory, StoredRate
from payments.rates import quotes
from payments.rates.prewarm import prewarm
from payments.rates.sources.playmoney import RATES

LOOKUPS = 50_000
PREWARMS = 5
# What each source takes to answer, in seconds; FastForex and CryptoCompare are asked more than once.
DELAYS = {"fastforex": 0.15, "coingecko": 0.4, "cryptocompare": 0.25}


def measure() -> list[str]:
    """p50, p99, queries of a hit, queries of the first look-up after a restart; prewarm against the slowest fetch."""
    return [*_measure_lookups(), _measure_prewarm()]


def _measure_lookups() -> list[str]:
    prewarm("bench")
    quotes.quote_of("BTC", "USD")
    taken = []
    with CaptureQueriesContext(connection) as hits:
        for _ in range(LOOKUPS):
            start = time.perf_counter_ns()
            quotes.quote_of("BTC", "USD")
            taken.append(time.perf_counter_ns() - start)
    quotes.forget_all()
    with CaptureQueriesContext(connection) as first:
        quotes.quote_of("BTC", "USD")
    cuts = statistics.quantiles(taken, n=100)
    return [
        f"  16  rate look-up: p50 {cuts[49] / 1000:.2f} µs (goal <= 2), p99 {cuts[98] / 1000:.2f} µs (goal <= 10), "
        f"{len(hits)} queries (goal 0), no network; first after a restart: {len(first)} query, warm"
    ]


def _measure_prewarm() -> str:
    slowest = max(DELAYS.values())
    taken = []
    with _slow_sources() as url, override_settings(RATE_SOURCES=list(DELAYS), **_addresses(url)):
        for _ in range(PREWARMS):
            for model in (StoredRate, Breaker, RateHistory):
                model.objects.all().delete()
            quotes.forget_all()
            result = prewarm("bench")
            if not result.is_complete:
                raise RuntimeError(f"prewarm: {result.cached}/{result.names}, {result.errors}")
            taken.append(result.seconds)
    StoredRate.objects.all().delete()
    quotes.forget_all()
    middle = statistics.median(taken)
    return (
        f"  16  prewarm of {result.names} names from {len(DELAYS)} sources: {middle * 1000:.0f} ms (goal <= 4,000), "
        f"slowest single fetch {slowest * 1000:.0f} ms, {middle / slowest:.2f} of it"
    )


def _addresses(url: str) -> dict[str, str]:
    names = [name for name in dir(settings) if name.removesuffix("_API_URL").lower() in DELAYS]
    return {name: f"{url}/{name.removesuffix('_API_URL').lower()}" for name in names}


@contextmanager
def _slow_sources() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Source)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Source(http.server.BaseHTTPRequestHandler):
    """Three sources in one server, each as slow as DELAYS says."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        source, _, path = address.path[1:].partition("/")
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        time.sleep(DELAYS[source])
        body = json.dumps(_ANSWERS[source](path, query)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Quiet."""


def _fastforex(path: str, query: dict[str, str]) -> object:
    if path == "crypto/fetch-prices":
        return {
            "prices": {
                name: float(RATES[base, quote])
                for name in query["pairs"].split(",")
                for base, quote in [name.split("/")]
            }
        }
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "base": "USD",
        "results": {name: float(RATES["USD", name]) for name in query["to"].split(",")},
        "updated": now,
    }


def _coingecko(_path: str, query: dict[str, str]) -> object:
    from payments.rates.sources.coingecko import COIN_IDS

    fiats = {quote.lower(): float(rate) for (base, quote), rate in RATES.items() if base == "USD"}
    prices = {name: float(RATES[coin, "USD"]) for coin, name in COIN_IDS.items()}
    return {
        name: {"usd": usd, "last_updated_at": int(time.time()), **{fiat: usd * rate for fiat, rate in fiats.items()}}
        for name, usd in prices.items()
        if name in query["ids"].split(",")
    }


def _cryptocompare(_path: str, query: dict[str, str]) -> object:
    return {
        "RAW": {
            base: {
                quote: {"PRICE": float(RATES[base, quote]), "LASTUPDATE": int(time.time())}
                for quote in query["tsyms"].split(",")
            }
            for base in query["fsyms"].split(",")
        }
    }


_ANSWERS = {"fastforex": _fastforex, "coingecko": _coingecko, "cryptocompare": _cryptocompare}

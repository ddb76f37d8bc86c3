"""The recorded wire of the rate sources, and small builders for the tests of this folder."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lockbay import clock, http
from payments.models import StoredRate
from payments.rates.currencies import PAIRS
from payments.rates.sources.playmoney import RATES

FIXTURES = Path(__file__).parent / "fixtures"
RECORDED_AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)  # what the fixtures say of themselves


def recorded(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


class Wire:
    """Answers by path; an answer is bytes (200), a status, or an exception. Remembers the requests."""

    def __init__(self, answers):
        self.answers = answers
        self.requests = []

    def __call__(self, request):
        self.requests.append(request)
        answer = next(self.answers[path] for path in self.answers if request.url.path.endswith(path))
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer(request)
        return http.Response(answer) if isinstance(answer, int) else http.Response(200, content=answer)


def good_answers():
    return {
        "/fetch-multi": recorded("fastforex/fetch_multi__usd"),
        "/crypto/fetch-prices": recorded("fastforex/fetch_prices__usd"),
        "/simple/price": recorded("coingecko/simple_price__all"),
        "/0/public/Ticker": recorded("kraken/ticker__all"),
        "/data/pricemultifull": _cryptocompare,
    }


def _cryptocompare(request):
    kind = "fiat" if request.url.params["fsyms"] == "USD" else "coins"
    return recorded(f"cryptocompare/pricemultifull__{kind}")


def answers_of_now():
    """The recorded answers, told as of the moment of asking."""

    def told_now(body):
        def answer(request):
            text = body(request) if callable(body) else body
            now = clock.real_now()
            text = re.sub(rb"\b17684\d{5}\b", str(int(now.timestamp())).encode(), text)
            return text.replace(b"2026-01-15T10:30:00Z", now.strftime("%Y-%m-%dT%H:%M:%SZ").encode())

        return answer

    return {path: told_now(body) for path, body in good_answers().items()}


@contextmanager
def wired(answers) -> Iterator[Wire]:
    wire = Wire(answers)
    http.use_transport(http.MockTransport(wire))
    try:
        yield wire
    finally:
        http.use_transport(None)


def store_rates(*, age=timedelta(), **rates):
    """All pairs at play-money prices, `age` old; `BTC="7"` replaces a coin's price."""
    fetched_at = datetime.now(UTC) - age
    for base, quote in PAIRS:
        rate = rates.get(base if quote == "USD" else quote, RATES[base, quote])
        StoredRate.objects.update_or_create(
            base=base, quote=quote, defaults={"rate": rate, "source": "recorded", "fetched_at": fetched_at}
        )


def scaled_prices(factor: str) -> bytes:
    """FastForex' coin prices, each multiplied."""
    found = json.loads(recorded("fastforex/fetch_prices__usd"))
    return json.dumps({"prices": {pair: rate * float(factor) for pair, rate in found["prices"].items()}}).encode()

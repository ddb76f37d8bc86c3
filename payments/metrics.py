"""Counters of money in (O5)."""

from prometheus_client import Counter, Gauge, Histogram

from lockbay.observability.metrics import Tally

WEBHOOKS = Counter("lockbay_webhooks", "Webhook requests by provider and what was answered.", ["provider", "answer"])
INBOX_OUTCOMES = Counter("lockbay_inbox_outcomes", "Outcomes of applying inbox events.", ["provider", "outcome"])
DRAIN_FAILURES = Counter("lockbay_drain_failures", "Batches whose transaction was rolled back as a whole.")
PROVIDER_CALLS = Counter(
    "lockbay_provider_calls",
    "Tries to call a payment provider by how they ended; an answer that came and made no sense counts as ok and as"
    " unintelligible.",
    ["provider", "outcome"],
)
PROVIDER_SECONDS = Histogram("lockbay_provider_call_seconds", "How long one try took.", ["provider"])
PAYOUT_ANSWERS = Counter(
    "lockbay_payout_answers", "What providers said of payouts, when sent to and when asked.", ["adapter", "meaning"]
)
PAYOUT_SENT_SECONDS = Histogram(
    "lockbay_payout_sent_seconds",
    "From the final approval until the provider had the order.",
    ["adapter"],
    buckets=(1, 5, 15, 60, 300, 900, 3600, 6 * 3600),
)
WATCH_LOOKS = Tally("lockbay_watch_looks", "Looks at addresses of ours by how they ended.", ("chain", "outcome"))
WATCH_TRANSFERS = Tally(
    "lockbay_watch_transfers",
    "Transfers to addresses of ours: seen, matched to a request, unmatched (handed to the desk), void, or dust.",
    ("chain", "outcome"),
)
WATCH_BLOCKS_LEFT = Gauge(
    "lockbay_watch_blocks_left", "Blocks between the last look and the head, where a chain is walked.", ["chain"]
)

"""Counters of money in (O5)."""

from prometheus_client import Counter, Histogram

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

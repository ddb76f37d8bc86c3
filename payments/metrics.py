"""Counters of money in (O5)."""

from prometheus_client import Counter

WEBHOOKS = Counter("lockbay_webhooks", "Webhook requests by provider and what was answered.", ["provider", "answer"])
INBOX_OUTCOMES = Counter("lockbay_inbox_outcomes", "Outcomes of applying inbox events.", ["provider", "outcome"])
DRAIN_FAILURES = Counter("lockbay_drain_failures", "Batches whose transaction was rolled back as a whole.")

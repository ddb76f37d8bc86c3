"""The payment log: everything the house knows about a payment, in the order in which it happened, on one page (P11)."""

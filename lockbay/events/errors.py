"""Errors of the event book.

RecordedOutsideTransaction   a fact may be written only with what made it true
"""


class RecordedOutsideTransaction(RuntimeError):
    """record() was called outside transaction.atomic()."""

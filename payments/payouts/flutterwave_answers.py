"""What Flutterwave's answers about transfers say when they are no transfer: errors, refusals, "not found".

Their errors are texts. Only what they say in so many words counts as a refusal; everything else is unknown.
"""

from typing import Any

from lockbay import http
from payments import wire
from payments.errors import Unreadable
from payments.payouts.base import NoUsableAnswer, PayoutAnswer, PayoutMeaning

_KNOWN = ("already exist", "duplicate", "already been used")
_NOT_ALLOWED = ("whitelist", "not enabled", "not permitted", "unauthorized", "invalid authorization")
_NO_FUNDS = ("insufficient", "not enough", "low balance")


def body_of(name: str, answer: http.Response) -> dict[str, Any]:
    """The JSON object of an answer. Raises: NoUsableAnswer."""
    try:
        return wire.read_object(answer.content)
    except Unreadable as error:
        raise NoUsableAnswer(name, "unreadable", f"HTTP {answer.status_code}: {error.detail}") from error


def success_of(name: str, answer: http.Response) -> dict[str, Any]:
    """The same, when it says success. Raises: NoUsableAnswer."""
    body = body_of(name, answer)
    if body.get("status") != "success":
        raise NoUsableAnswer(name, "error_answered", _said(body))
    return body


def _said(body: dict[str, Any]) -> str:
    error = body.get("error")
    return str(body.get("message") or (error.get("message") if isinstance(error, dict) else "") or "")[:200]


def nothing_found(body: dict[str, Any], answer: http.Response) -> PayoutAnswer:
    """An error to a question: "not found" where they say so, else nothing is known."""
    is_missing = answer.status_code == 404 or "not found" in _said(body).lower()
    meaning = PayoutMeaning.NOT_FOUND if is_missing else PayoutMeaning.UNKNOWN
    return PayoutAnswer(meaning, f"http_{answer.status_code}", _said(body), raw=answer.content)


def refusal_in(name: str, body: dict[str, Any], answer: http.Response) -> PayoutAnswer:
    """What an error to an order means. Raises: NoUsableAnswer when it is none of theirs."""
    said = _said(body).lower()
    if body.get("status") not in {"error", "failed"} or not said:
        raise NoUsableAnswer(name, f"http_{answer.status_code}", said)
    if any(words in said for words in _KNOWN) or answer.status_code == 409:
        meaning, code = PayoutMeaning.UNKNOWN, "reference_known"
    elif any(words in said for words in _NO_FUNDS):
        meaning, code = PayoutMeaning.NOT_SENT, "insufficient_funds"
    elif answer.status_code == 403 or any(words in said for words in _NOT_ALLOWED):
        meaning, code = PayoutMeaning.NOT_SENT, "not_allowed"
    elif answer.status_code in {200, 400, 422}:
        meaning, code = PayoutMeaning.REFUSED, f"http_{answer.status_code}"
    else:
        meaning, code = PayoutMeaning.UNKNOWN, f"http_{answer.status_code}"
    return PayoutAnswer(meaning, code, _said(body), raw=answer.content)

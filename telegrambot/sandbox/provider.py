"""The play-money provider's own interface: create a payment, ask about it.

POST /provider/payments with X-Api-Key, an optional Idempotency-Key and
{"reference", "amount": "12.345678", "currency": "USDT", "network": "TRC20", "webhook_url", "amount_usd"?: "12.35"}
answers 201 {"id", "address", "amount", "currency", "network", "qr_text"}.
"""

import hashlib
import json
import re
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import addresses
from .errors import SandboxRefusal
from .faults import LostReply
from .payments import amount_received_of, status_of
from .runtime import Sandbox

_AMOUNT = re.compile(r"(?=.*[1-9])\d{1,18}(\.\d{1,18})?", re.ASCII)
_SHORT_TEXT = re.compile(r"[\x21-\x7e]{1,200}")
LARGEST_BODY_BYTES = 64 * 1024


async def create_payment(request: Request) -> Response:
    """Opens a payment; the same Idempotency-Key gets the first answer again, and 409 with another body."""
    sandbox: Sandbox = request.app.state.sandbox
    require_api_key(sandbox, request)
    body = await request.body()
    wanted = _read_request(body)
    key = request.headers.get("idempotency-key", "")
    digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    earlier = sandbox.world.data.idempotency.get(key) if key else None
    if earlier and earlier["digest"] != digest:
        raise SandboxRefusal(409, "idempotency_key_reused")
    payment = sandbox.world.data.payments[earlier["payment_id"]] if earlier else _open_payment(sandbox, wanted)
    if key:
        sandbox.world.data.idempotency[key] = {"digest": digest, "payment_id": payment["id"]}
    if sandbox.faults.takes_provider_reply():
        return LostReply()
    answer = {name: payment[name] for name in ("id", "address", "amount", "currency", "network", "qr_text")}
    return JSONResponse(answer, status_code=201)


async def show_payment(request: Request) -> Response:
    """A payment as the provider knows it now; amount_received is the sum over its transactions."""
    sandbox: Sandbox = request.app.state.sandbox
    require_api_key(sandbox, request)
    payment = sandbox.world.data.payments.get(request.path_params["payment_id"])
    if payment is None:
        raise SandboxRefusal(404, "unknown_payment")
    last = payment["transactions"][-1] if payment["transactions"] else {"txid": None, "received_at": None}
    fields = ("id", "reference", "address", "amount", "currency", "network", "qr_text", "created_at", "transactions")
    return JSONResponse(
        {
            **{name: payment[name] for name in fields},
            "status": status_of(payment),
            "amount_received": str(amount_received_of(payment)),
            "txid": last["txid"],
            "received_at": last["received_at"],
        }
    )


def _open_payment(sandbox: Sandbox, wanted: dict[str, str]) -> dict[str, Any]:
    address = addresses.create_address(wanted["network"])
    payment: dict[str, Any] = {
        "id": f"pay_{secrets.token_hex(12)}",
        **wanted,
        "address": address,
        "qr_text": addresses.qr_text_of(wanted["network"], address, wanted["amount"]),
        "created_at": sandbox.clock.iso(),
        "transactions": [],
    }
    sandbox.world.data.payments[payment["id"]] = payment
    sandbox.world.touch()
    return payment


def require_api_key(sandbox: Sandbox, request: Request) -> None:
    """Raises: SandboxRefusal 503 while the provider is down, 401 without its key."""
    sandbox.faults.require_provider_up()
    given = request.headers.get("x-api-key", "")
    if not secrets.compare_digest(given.encode(), sandbox.config.api_key.encode()):
        raise SandboxRefusal(401, "bad_api_key")


def _read_request(body: bytes) -> dict[str, str]:
    try:
        values = json.loads(body) if len(body) <= LARGEST_BODY_BYTES else None
    except ValueError as error:
        raise SandboxRefusal(400, "not_json") from error
    if not isinstance(values, dict):
        raise SandboxRefusal(400, "not_an_object")
    wanted = {name: values.get(name) for name in ("reference", "amount", "currency", "network", "webhook_url")}
    wanted["amount_usd"] = values.get("amount_usd") or ""
    for name, value in wanted.items():
        if not isinstance(value, str):
            raise SandboxRefusal(400, f"bad_{name}")
        pattern = _AMOUNT if name.startswith("amount") else _SHORT_TEXT
        if not pattern.fullmatch(value) and (name, value) != ("amount_usd", ""):
            raise SandboxRefusal(400, f"bad_{name}")
    if not str(wanted["webhook_url"]).startswith(("http://", "https://")):
        raise SandboxRefusal(400, "bad_webhook_url")
    return {name: str(value) for name, value in wanted.items()}

"""The play-money provider's other side: it pays out, or fails, hangs and reverses on demand.

POST /provider/payouts with X-Api-Key and {"reference", "amount", "currency", "network", "recipient", "webhook_url"}
answers 201 {"id", "reference", "amount", "currency", "status"}; the same reference is the same payout for ever.
GET /provider/payouts/<reference>, GET /provider/balances. How the next ones go is a fault: {"payouts": mood}.
"""

import asyncio
import json
import re
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .errors import SandboxRefusal
from .faults import LostReply
from .provider import LARGEST_BODY_BYTES, require_api_key
from .runtime import Sandbox

ACTS = {"pay": "paid", "fail": "failed", "reverse": "reversed"}
HELD = (("USDT", "25000.000000"), ("BTC", "1.50000000"), ("ETH", "20.00000000"), ("NGN", "9000000.00"))
_AMOUNT = re.compile(r"(?=.*[1-9])\d{1,18}(\.\d{1,18})?", re.ASCII)
_SHORT_TEXT = re.compile(r"[\x21-\x7e]{1,200}")
_SHOWN = ("id", "reference", "amount", "currency", "status")


async def create_payout(request: Request) -> Response:
    """Takes an order, once for each reference."""
    sandbox: Sandbox = request.app.state.sandbox
    require_api_key(sandbox, request)
    wanted = _read_order(await request.body())
    payouts, mood = sandbox.world.data.payouts, sandbox.faults.payouts
    known = payouts.get(wanted["reference"])
    if known is not None:
        if any(known[name] != value for name, value in wanted.items()):
            raise SandboxRefusal(409, "reference_reused")
        return JSONResponse(_shown(known))
    if mood == "no_funds":
        raise SandboxRefusal(402, "insufficient_funds")
    if mood == "refuses":
        raise SandboxRefusal(422, "payout_refused")
    payout = {"id": f"po_{secrets.token_hex(12)}", **wanted, "status": "accepted", "created_at": sandbox.clock.iso()}
    payouts[wanted["reference"]] = payout
    sandbox.world.touch()
    sandbox.run_beside(_live(sandbox, payout, mood))
    if mood == "hangs" or sandbox.faults.takes_provider_reply():
        return LostReply()
    return JSONResponse(_shown(payout), status_code=201)


async def show_payout(request: Request) -> Response:
    """A payout by our reference, as it is now."""
    sandbox: Sandbox = request.app.state.sandbox
    require_api_key(sandbox, request)
    return JSONResponse(_shown(_payout_of(sandbox, request)))


async def show_balances(request: Request) -> Response:
    """What the provider holds: always the same."""
    require_api_key(request.app.state.sandbox, request)
    return JSONResponse({"balances": [{"currency": currency, "amount": amount} for currency, amount in HELD]})


async def list_payouts(request: Request) -> Response:
    """For the page: all of them, newest first."""
    sandbox: Sandbox = request.app.state.sandbox
    return JSONResponse([_shown(payout) for payout in reversed(sandbox.world.data.payouts.values())])


async def act_on_payout(request: Request) -> Response:
    """For the page and tests: {"act": "pay" | "fail" | "reverse"}, with its webhook."""
    sandbox: Sandbox = request.app.state.sandbox
    payout = _payout_of(sandbox, request)
    try:
        act = json.loads(await request.body() or b"{}").get("act")
    except (ValueError, AttributeError) as error:
        raise SandboxRefusal(400, "not_json") from error
    if act not in ACTS:
        raise SandboxRefusal(400, "unknown_act")
    become(sandbox, payout, ACTS[act])
    return JSONResponse(_shown(payout))


def become(sandbox: Sandbox, payout: dict[str, Any], status: str) -> None:
    """Changes what the provider says of a payout, and tells so by a signed webhook."""
    payout["status"] = status
    event = {
        "id": f"evt_{secrets.token_hex(12)}",
        "type": f"payout.{status}",
        "payment_id": payout["id"],
        "reference": payout["reference"],
    }
    sandbox.webhooks.send(event, payout["webhook_url"])


async def _live(sandbox: Sandbox, payout: dict[str, Any], mood: str) -> None:
    await asyncio.sleep(sandbox.config.confirm_after_seconds)
    become(sandbox, payout, "failed" if mood == "fails" else "paid")
    if mood == "reverses":
        await asyncio.sleep(sandbox.config.confirm_after_seconds)
        become(sandbox, payout, "reversed")


def _payout_of(sandbox: Sandbox, request: Request) -> dict[str, Any]:
    payout = sandbox.world.data.payouts.get(request.path_params["reference"])
    if payout is None:
        raise SandboxRefusal(404, "unknown_payout")
    return payout


def _shown(payout: dict[str, Any]) -> dict[str, Any]:
    return {name: payout[name] for name in _SHOWN}


def _read_order(body: bytes) -> dict[str, str]:
    try:
        values = json.loads(body) if len(body) <= LARGEST_BODY_BYTES else None
    except ValueError as error:
        raise SandboxRefusal(400, "not_json") from error
    if not isinstance(values, dict):
        raise SandboxRefusal(400, "not_an_object")
    wanted = {}
    for name in ("reference", "amount", "currency", "network", "recipient", "webhook_url"):
        value = values.get(name)
        pattern = _AMOUNT if name == "amount" else _SHORT_TEXT
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise SandboxRefusal(400, f"bad_{name}")
        wanted[name] = value
    if not wanted["webhook_url"].startswith(("http://", "https://")):
        raise SandboxRefusal(400, "bad_webhook_url")
    return wanted

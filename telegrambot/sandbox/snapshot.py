"""The whole sandbox as the page draws it."""

import time
from typing import Any

from . import payments
from .runtime import Sandbox
from .world import Message, Person

SHOWN_MESSAGES = 150
SHOWN_DELIVERIES = 30


def take_snapshot(sandbox: Sandbox) -> dict[str, Any]:
    """People with their messages, payments with their deliveries, toasts, e-mails without bodies, and the clock."""
    world = sandbox.world
    return {
        "version": world.version,
        "now": sandbox.clock.timestamp(),
        "clock_offset": sandbox.clock.offset,
        "bot_listening": world.is_bot_listening(),
        "commands": world.data.commands.get("", []),
        "people": [_show_person(sandbox, person) for person in world.data.people.values()],
        "toasts": world.toasts,
        "payments": [show_payment(sandbox, payment) for payment in reversed(world.data.payments.values())],
        "emails": [
            {name: email[name] for name in ("id", "at", "to", "subject")} | {"preview": _preview(email["text"])}
            for email in sandbox.mailbox.newest()
        ],
        "faults": sandbox.faults.as_json(),
    }


def _preview(text: str) -> str:
    """How a mail goes on below the sandbox's banner and its title, which the subject repeats."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    return " ".join(paragraphs[2:] or paragraphs)[:140]


def show_message(message: Message, *, acknowledged: int) -> dict[str, Any]:
    """One bubble."""
    api = message.api
    photo = api.get("photo")
    document = api.get("document")
    return {
        "message_id": api["message_id"],
        "from_bot": api["from"]["is_bot"],
        "date": api["date"],
        "edited": "edit_date" in api,
        "text": api.get("text") or api.get("caption", ""),
        "html": message.html,
        "photo": {
            "url": f"/sandbox/files/{photo[0]['file_id']}",
            "width": photo[0]["width"],
            "height": photo[0]["height"],
        }
        if photo
        else None,
        "document": {"url": f"/sandbox/files/{document['file_id']}", "name": document.get("file_name", "")}
        if document
        else None,
        "buttons": api.get("reply_markup", {}).get("inline_keyboard", []),
        "read": message.update_id is not None and message.update_id <= acknowledged,
    }


def show_payment(sandbox: Sandbox, payment: dict[str, Any]) -> dict[str, Any]:
    """One row of the pay panel."""
    deliveries = [row for row in sandbox.world.data.deliveries if row["payment_id"] == payment["id"]]
    shown = ("id", "event_id", "type", "forged", "answers", "state")
    return {
        **{
            name: payment[name]
            for name in ("id", "reference", "address", "amount", "currency", "network", "created_at", "transactions")
        },
        "amount_usd": payments.amount_usd_of(payment),
        "amount_received": str(payments.amount_received_of(payment)),
        "status": payments.status_of(payment),
        "deliveries": [{name: row[name] for name in shown} for row in deliveries[-SHOWN_DELIVERIES:]],
    }


def _show_person(sandbox: Sandbox, person: Person) -> dict[str, Any]:
    world = sandbox.world
    waiting = [
        {"message_id": callback["message_id"], "data": callback["data"]}
        for callback in world.data.callbacks.values()
        if callback["person"] == person.key and not callback["answered"]
    ]
    return {
        **{
            name: getattr(person, name)
            for name in ("key", "id", "first_name", "username", "language_code", "started", "blocked", "is_group")
        },
        "typing": world.typing.get(person.key, 0) > time.monotonic(),
        "commands": world.data.commands.get(person.language_code, []),
        "waiting": waiting[-5:],
        "messages": [
            show_message(message, acknowledged=world.data.acknowledged) for message in person.messages[-SHOWN_MESSAGES:]
        ],
    }

"""Conversation state in the database: one active flow per chat; a restart loses no draft (T3)."""

import secrets
from typing import Any

from telegrambot.models import Draft
from telegrambot.turn import Turn


def draft_of(chat_id: int) -> Draft | None:
    """The chat's draft: active, or finished with its result still known."""
    return Draft.objects.filter(pk=chat_id).first()


def is_active(draft: Draft | None) -> bool:
    """True while a flow waits for an answer."""
    return draft is not None and draft.flow != ""


def start_flow(turn: Turn, *, flow: str, step: str, data: dict[str, Any] | None = None) -> Draft:
    """Begins a flow; whatever was active in the chat before is dropped."""
    fields = {
        "user": turn.user,
        "flow": flow,
        "step": step,
        "data": data or {},
        "request_key": secrets.token_hex(8),
        "update_id": turn.update_id,
    }
    draft, _made = Draft.objects.update_or_create(pk=turn.chat_id, defaults=fields)
    return draft


def move_on(turn: Turn, *, step: str, **answers: Any) -> Draft:
    """Takes the answers of this step and goes to `step`; an answer of None is forgotten."""
    draft = require_active(turn)
    draft.data = {name: value for name, value in {**draft.data, **answers}.items() if value is not None}
    draft.step, draft.update_id = step, turn.update_id
    draft.save(update_fields=["data", "step", "update_id", "updated_at"])
    return draft


def finish_flow(turn: Turn, **result: Any) -> None:
    """Ends the flow and keeps its result for a button that is pressed, or delivered, again (F44)."""
    draft = require_active(turn)
    draft.flow, draft.step, draft.data, draft.update_id = "", "", result, turn.update_id
    draft.save(update_fields=["flow", "step", "data", "update_id", "updated_at"])


def drop_flow(chat_id: int) -> bool:
    """Forgets the draft; False when there was no active one."""
    draft = draft_of(chat_id)
    Draft.objects.filter(pk=chat_id).delete()
    return is_active(draft)


def require_active(turn: Turn) -> Draft:
    """The active draft. Raises: LookupError when there is none: the router lets nobody come here without."""
    if turn.draft is None or not is_active(turn.draft):
        raise LookupError(f"no active flow in chat {turn.chat_id}")
    return turn.draft

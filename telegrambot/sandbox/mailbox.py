"""Reads the e-mails that Django's file backend wrote."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

# django.core.mail.backends.filebased ends every message with a line of 79 dashes
_END = b"\n" + b"-" * 79 + b"\n"
KEPT = 100


class Mailbox:
    """The newest e-mails of a folder; files are read again only when they grew."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._signature: tuple[tuple[str, int, int], ...] = ()
        self._emails: list[dict[str, Any]] = []

    def refresh(self) -> bool:
        """Looks at the folder; True when something new is in it."""
        signature = tuple((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in self._paths())
        if signature == self._signature:
            return False
        self._signature = signature
        emails = [email for path in self._paths() for email in _read(path)]
        emails.sort(key=lambda email: (email["at"], email["id"]), reverse=True)
        self._emails = emails[:KEPT]
        return True

    def newest(self) -> list[dict[str, Any]]:
        """E-mails, newest first: id, at, from, to, subject, text, html."""
        return self._emails

    def find(self, email_id: str) -> dict[str, Any] | None:
        """The e-mail of that id."""
        return next((email for email in self._emails if email["id"] == email_id), None)

    def _paths(self) -> list[Path]:
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if path.suffix == ".log")


def _read(path: Path) -> list[dict[str, Any]]:
    # the last piece is what follows the last finished message: nothing, or a message still being written
    pieces = path.read_bytes().replace(b"\r\n", b"\n").split(_END)[:-1]
    written_at = int(path.stat().st_mtime)
    return [_describe(f"{path.stem}-{number}", piece, written_at) for number, piece in enumerate(pieces)]


def _describe(email_id: str, raw: bytes, written_at: int) -> dict[str, Any]:
    email = message_from_bytes(raw.lstrip(b"\n"), policy=policy.default)
    return {
        "id": email_id,
        "at": _sent_at(email, written_at),
        "from": str(email["From"] or ""),
        "to": str(email["To"] or ""),
        "subject": str(email["Subject"] or ""),
        "text": _part(email, "plain"),
        "html": _part(email, "html"),
    }


def _sent_at(email: EmailMessage, written_at: int) -> int:
    try:
        return int(parsedate_to_datetime(str(email["Date"])).timestamp())
    except (TypeError, ValueError):
        return written_at


def _part(email: EmailMessage, kind: str) -> str:
    part = email.get_body((kind,))
    return str(part.get_content()) if part is not None else ""

"""Keeps the sandbox's memory on disk: one JSON file, replaced atomically, and a folder of uploaded files."""

import json
from pathlib import Path

from . import world


class Storage:
    """`state_path` None keeps everything in memory."""

    def __init__(self, state_path: Path | None) -> None:
        self._path = state_path
        self._memory: dict[str, bytes] = {}

    def read(self) -> world.Data | None:
        """The saved data, None on the first start. Raises: ValueError when the file cannot be read."""
        if self._path is None or not self._path.exists():
            return None
        try:
            return world.load(json.loads(self._path.read_text()))
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{self._path} is not a saved sandbox; move it away to start afresh") from error

    def write(self, text: str) -> None:
        """Replaces the file; a crash leaves either the old or the new one."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".tmp")
        draft.write_text(text)
        draft.replace(self._path)

    def write_file(self, file_id: str, data: bytes) -> None:
        """Keeps an uploaded file."""
        if self._path is None:
            self._memory[file_id] = data
            return
        folder = _files_folder(self._path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file_id).write_bytes(data)

    def read_file(self, file_id: str) -> bytes | None:
        """An uploaded file, None when it is gone. The id must be one of ours: it becomes a file name."""
        if self._path is None:
            return self._memory.get(file_id)
        path = _files_folder(self._path) / file_id
        return path.read_bytes() if path.is_file() else None


def _files_folder(state_path: Path) -> Path:
    return state_path.with_name(f"{state_path.stem}_files")

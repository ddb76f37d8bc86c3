"""The terminal of `manage.py up`: one coloured column of names, lines that never mix, a box for what matters."""

import contextlib
import io
import os
import threading
from collections.abc import Sequence
from typing import TextIO

_COLOURS = (36, 32, 33, 35, 34, 96)
_NAME_WIDTH = 8


class Console:
    """Writes whole lines from several threads. Colours only on a terminal and unless NO_COLOR is set."""

    def __init__(self, stream: TextIO) -> None:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows ? instead of stopping everything
        self._stream = stream
        self._lock = threading.Lock()
        self._colours: dict[str, int] = {}
        self._is_coloured = stream.isatty() and "NO_COLOR" not in os.environ

    def say(self, name: str, line: str) -> None:
        """Prints `name │ line`."""
        label = f"{name:<{_NAME_WIDTH}}│"
        if self._is_coloured:
            colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
            label = f"\x1b[{colour}m{label}\x1b[0m"
        self.show(f"{label} {line}")

    def show(self, text: str) -> None:
        """Prints text as it is. A reader that went away (`| head`) must not take the supervisor down."""
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._stream.write(text + "\n")
            self._stream.flush()


def draw_box(lines: Sequence[str]) -> str:
    """The lines in a frame."""
    width = max(map(len, lines)) + 4
    body = [f"│  {line:<{width - 4}}  │" for line in lines]
    return "\n".join(["", "╭" + "─" * width + "╮", *body, "╰" + "─" * width + "╯", ""])

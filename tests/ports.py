"""Free ports for servers of tests, drawn by chance so that test processes running side by side do not meet."""

import contextlib
import random
import socket

# Below the range from which the system takes ports for clients: nobody borrows one in the meantime.
_RANGE = (20_000, 31_999)
_drawn: set[int] = set()
_chance = random.SystemRandom()


def free_port(host: str = "127.0.0.1") -> int:
    """A port on which nobody listens and which this process has not drawn before."""
    for _ in range(1000):
        port = _chance.randint(*_RANGE)
        if port in _drawn:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            _drawn.add(port)
            return port
    raise AssertionError("no free port")

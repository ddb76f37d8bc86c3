"""Workers of a storm: a process that forks children, each of which does its threads' shares of all actions.

How far each thread has come stands in a file that its successor reads: a killed worker's last action is done again,
under the same key, and then the next. What must not happen is written to the error stream as a traceback.
"""

import mmap
import random
import struct
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockbay.people.models import User

ACTIONS = 5_000
PROCESSES, THREADS = 4, 4
_WORKERS = PROCESSES * THREADS
_SLOT = struct.Struct("<Q")
PATIENCE_SECONDS = 1.0  # with the provider; ten in life


class Progress:
    """How many actions each of the workers has done, seen by all processes; kills do not harm it."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_SLOT.size * _WORKERS))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _SLOT.size * _WORKERS)

    def of(self, worker: int) -> int:
        return int(_SLOT.unpack_from(self._memory, _SLOT.size * worker)[0])

    def set(self, worker: int, done: int) -> None:
        _SLOT.pack_into(self._memory, _SLOT.size * worker, done)

    def total(self) -> int:
        return sum(self.of(worker) for worker in range(_WORKERS))


def share_of(worker: int, actions: int) -> int:
    """How many of all actions are this worker's."""
    return actions // _WORKERS + (worker < actions % _WORKERS)


def run(order: list[str]) -> None:
    """What a child does: "<number of the process> <actions> <seed> <file of the progress>"."""
    process, actions, seed, progress = int(order[0]), int(order[1]), order[2], Progress(Path(order[3]))
    threads = [
        threading.Thread(target=_work, args=(worker, share_of(worker, actions), seed, progress))
        for worker in range(process * THREADS, (process + 1) * THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(worker: int, share: int, seed: str, progress: Progress) -> None:
    from django.db import connection

    from tests.faults.storm_turn import everybody

    try:
        people, staff = everybody()
        for number in range(progress.of(worker), share):
            _act(f"storm-{worker}-{number}", seed, people, staff)
            progress.set(worker, number + 1)
    finally:
        connection.close()


def _act(key: str, seed: str, people: "list[User]", staff: "list[User]") -> None:
    from escrows.errors import EscrowRefusal
    from tests.faults.storm_acts import ACTS
    from tests.faults.storm_turn import Turn
    from wallets.errors import NotProcessing, Refusal

    chance = random.Random(f"{seed}:{key}")
    act = chance.choices(list(ACTS), list(ACTS.values()))[0]
    try:
        act(Turn(key, chance, people, staff))
    except (Refusal, EscrowRefusal, NotProcessing):
        pass  # an answer; NotProcessing is the guard's, for a sender that lost its lease to one that has sent
    except Exception:  # noqa: BLE001  it is told, and the worker goes on
        print(f"UNEXPECTED in {act.__name__}, {key}", file=sys.stderr)
        traceback.print_exc()


def _be_impatient() -> None:
    """The provider's slowness shall not cost ten seconds each time."""
    from lockbay import http

    patient = http._client
    http._client = lambda timeout: patient(min(timeout, PATIENCE_SECONDS))
    http._certificates()


if __name__ == "__main__":
    import django

    django.setup()
    import tests.faults.storm_acts  # noqa: F401  once, not in every child
    from tests.faults.payout_stage import serve

    _be_impatient()
    print("ready", flush=True)
    serve(run)

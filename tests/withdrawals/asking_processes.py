"""Processes of many threads that all ask for a withdrawal at one moment, round after round; one start for all rounds.

Reads {"rounds": [{"owner", "destination", "askers"}, …]} from its input and writes, a line each, how many of a process'
requests were answered how: {"<round>": {"<answer>": times}}. It forks before it opens the database.
"""

import json
import multiprocessing
import os
import sys
import threading
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

PROCESSES, THREADS = 5, 10
PATIENCE = 60.0
AMOUNT = "150.00"


def answer_rounds(process: int, rounds: list[dict[str, Any]], together: "Barrier") -> dict[int, Counter[str]]:
    """What this process' threads were answered. Asker 0 is of process 0, asker 1 of process 1, and so on."""
    answers: dict[int, Counter[str]] = {number: Counter() for number in range(len(rounds))}
    lock = threading.Lock()
    # One of a process' threads waits for the other processes, the rest for that one.
    start = threading.Barrier(THREADS, action=lambda: together.wait(PATIENCE))

    def ask_every_round(thread: int) -> None:
        from django.db import connection

        asker = thread * PROCESSES + process
        try:
            for number, told in enumerate(rounds):
                start.wait(PATIENCE)
                if asker < told["askers"]:
                    answer = ask(told["owner"], told["destination"], f"B7:{number}:{asker}")
                    with lock:
                        answers[number][answer] += 1
        except BaseException:
            start.abort()
            together.abort()
            raise
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(ask_every_round, range(THREADS)))
    return answers


def ask(owner_id: int, destination_id: int, key: str) -> str:
    """What the request was answered; any other error ends the process."""
    from lockbay.people.models import User
    from tests.withdrawals.stories import terms
    from wallets.actions.request_withdrawal import request_withdrawal
    from wallets.errors import InsufficientFunds
    from wallets.money import parse_money

    try:
        request_withdrawal(
            actor=User.objects.get(pk=owner_id),
            request_key=key,
            destination_id=destination_id,
            amount=parse_money(AMOUNT, "USD"),
            terms=terms(AMOUNT, fee="3.00"),
        )
    except InsufficientFunds:
        return "refused"
    return "done"


def main() -> None:
    rounds = json.load(sys.stdin)["rounds"]
    together = multiprocessing.get_context("fork").Barrier(PROCESSES)
    children = []
    for process in range(PROCESSES):
        child = os.fork()
        if child == 0:
            _be_a_child(process, rounds, together)
        children.append(child)
    failed = [child for child in children if os.waitpid(child, 0)[1]]
    sys.exit(1 if failed else 0)


def _be_a_child(process: int, rounds: list[dict[str, Any]], together: "Barrier") -> None:
    code = 1
    try:
        sys.stdout.write(json.dumps(answer_rounds(process, rounds, together)) + "\n")
        sys.stdout.flush()
        code = 0
    except Exception:
        traceback.print_exc()
        raise
    finally:  # whatever happens, a child never goes on as its parent
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    import django

    django.setup()
    import tests.withdrawals.stories  # noqa: F401  once, not in every child

    main()

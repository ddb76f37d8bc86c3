"""A process that sends payouts in children of its own, each of which may die or freeze at a named point.

It reads one line a child from its input: "<point> <withdrawal id>", or "work" for a whole round of the job; it forks
the child, answers with its process id, and later with "<process id> <how it ended>" (0, or minus the signal). It never
opens the database itself, so a fork shares no connection.
"""

import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

# In the order in which a payout passes them.
POINTS = ("before_claim", "after_claim", "after_guard", "after_call", "before_commit", "after_commit")


def stop_at(point: str, how: Callable[[], None]) -> None:
    """Has this process stop the first time it comes to `point`."""
    from payments.actions import send_payout as action
    from payments.payouts import base
    from payments.payouts.sandbox import SandboxPayouts

    if point == "before_claim":
        action.claim_attempt = _stopping(action.claim_attempt, how, first=True)  # type: ignore[assignment]
    if point in {"after_claim", "after_call"}:
        wrapped = _stopping(SandboxPayouts.send, how, first=point == "after_claim")
        SandboxPayouts.send = wrapped  # type: ignore[method-assign]
    if point == "after_guard":
        base.pass_guard = _stopping(base.pass_guard, how)
    if point == "before_commit":
        action.settle_by_answer_within = _stopping(action.settle_by_answer_within, how)


def _stopping(function: Callable[..., Any], how: Callable[[], None], *, first: bool = False) -> Callable[..., Any]:
    def stopping(*arguments: Any, **named: Any) -> Any:
        if first:
            how()
            return function(*arguments, **named)
        result = function(*arguments, **named)
        how()
        return result

    return stopping


def die() -> None:
    """As kill -9 does."""
    os.kill(os.getpid(), signal.SIGKILL)


def freeze() -> None:
    """Until somebody sends SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def run(order: list[str]) -> None:
    """What a child does."""
    from payments.actions.send_payout import send_payout
    from payments.payouts.jobs import send_payouts

    if order[0] == "work":
        while send_payouts():
            pass
        return
    verb, point, withdrawal_id = order
    stop_at(point, die if verb == "die" else freeze)
    send_payout(actor=None, withdrawal_id=int(withdrawal_id))
    if point == "after_commit":
        die()


def serve(run: Callable[[list[str]], None]) -> None:
    """Forks a child a line, which does `run` with the line's words, and tells how each ended."""
    running: set[int] = set()
    while True:
        if select.select([sys.stdin], [], [], 0.02)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            child = os.fork()
            if child == 0:
                _be_a_child(run, line.split())
            running.add(child)
            print(child, flush=True)
        for pid in list(running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                running.discard(pid)
                print(pid, os.waitstatus_to_exitcode(status), flush=True)


def _be_a_child(run: Callable[[list[str]], None], order: list[str]) -> None:
    code = 1
    try:
        run(order)
        code = 0
    finally:  # whatever happens, a child never goes on in its parent's loop
        error = sys.exc_info()[1]
        if error is not None:
            traceback.print_exception(error)
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    import django

    django.setup()
    import payments.payouts.jobs  # noqa: F401  once, not in every child

    print("ready", flush=True)
    serve(run)

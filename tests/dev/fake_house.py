"""A supervisor over tiny fake programs, run as a process of its own by test_supervisor.py.

Usage: fake_house.py <run dir> <program>..., each one of: sleeper, family, stubborn, hung, flapping.
"""

import sys
from pathlib import Path

from lockbay import supervisor
from lockbay.console import Console
from lockbay.orphans import AlreadyRunning, hold_run_dir, stop_marked_processes
from lockbay.supervisor import Program, Supervisor

SLEEP = "import time; print('awake', flush=True); time.sleep(60)"
# A parent whose child outlives it, as a web worker outlives its killed master; it speaks last, once both run.
FAMILY = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print('both run', flush=True); time.sleep(60)"  # noqa: E501
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('awake', flush=True); time.sleep(60)"
)
FLAPPING = "import sys; print('flap', flush=True); sys.exit(3)"


def main(run_dir: Path, names: list[str]) -> int:
    supervisor.STOP_GRACE = 1.0
    scripts = {"sleeper": SLEEP, "family": FAMILY, "stubborn": STUBBORN, "hung": SLEEP, "flapping": FLAPPING}
    programs = [
        Program(name, [sys.executable, "-S", "-c", scripts[name]], is_hung=_hangs if name == "hung" else None)
        for name in names
    ]
    console = Console(sys.stdout)
    try:
        with hold_run_dir(run_dir):
            console.say("up", f"orphans {len(stop_marked_processes(run_dir, grace=1))}")
            Supervisor(programs, run_dir=run_dir, say=console.say, watch_every=0.1).run()
    except AlreadyRunning as error:
        console.say("up", f"refused: {error.args[0]}")
        return 1
    console.say("up", "stopped")
    return 0


def _hangs(uptime: float) -> bool:
    return uptime > 0.4


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))

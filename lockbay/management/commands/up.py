"""`manage.py up`: web, worker, bot and, in sandbox mode, the sandbox, on this machine, under one supervisor."""

import http.client
import os
import socket
import sys
import threading
import time
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections

from lockbay import heartbeat, jobs
from lockbay.console import Console, draw_box
from lockbay.orphans import AlreadyRunning, hold_run_dir, stop_marked_processes
from lockbay.supervisor import Program, Supervisor

HOST = "127.0.0.1"
READY_WITHIN = 90.0  # seconds
MOST_WEB_WORKERS = 2
WEB_THREADS = 4  # a worker; they wait for the database most of the time


class Command(BaseCommand):
    """Runs everything until Ctrl-C."""

    help = "Runs web, worker, bot and (sandbox mode) the sandbox; restarts what dies; Ctrl-C stops everything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--web-port", type=int, default=8000)
        parser.add_argument("--sandbox-port", type=int, default=8081)

    def handle(self, *, web_port: int, sandbox_port: int, **_options: Any) -> None:
        run_dir = Path(settings.VAR_DIR) / "run"
        console = Console(sys.stdout)
        try:
            with hold_run_dir(run_dir):
                left_behind = stop_marked_processes(run_dir)
                if left_behind:
                    console.say("up", f"stopped {len(left_behind)} processes that an earlier run left behind")
                require_free_port(web_port, option="--web-port")
                if settings.SANDBOX:
                    require_free_port(sandbox_port, option="--sandbox-port")
                    call_command("seed_sandbox")
                Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # whitenoise warns when it is missing
                connections.close_all()
                run_house(run_dir=run_dir, console=console, web_port=web_port, sandbox_port=sandbox_port)
        except AlreadyRunning as error:
            raise CommandError(f"already running here (pid {error.args[0]}): stop that one first.") from error


def run_house(*, run_dir: Path, console: Console, web_port: int, sandbox_port: int) -> None:
    """Blocks until everything has been stopped."""
    programs = programs_of_this_machine(web_port=web_port, sandbox_port=sandbox_port)
    supervisor = Supervisor(programs, run_dir=run_dir, say=console.say)
    greeter = threading.Thread(target=greet_when_ready, args=(console, supervisor, web_port, sandbox_port), daemon=True)
    greeter.start()
    console.say("up", "starting " + ", ".join(program.name for program in programs))
    supervisor.run()
    console.say("up", "everything has stopped")


def programs_of_this_machine(*, web_port: int, sandbox_port: int) -> list[Program]:
    """What runs here. In sandbox mode the chosen ports decide the addresses that the processes know each other by."""
    addresses = {}
    if settings.SANDBOX:
        sandbox = f"http://{HOST}:{sandbox_port}"
        addresses = {"PUBLIC_URL": f"http://{HOST}:{web_port}", "SANDBOX_URL": sandbox, "TELEGRAM_API_URL": sandbox}
    # Web and bot may share connections in a pool; across the worker's forks a pool breaks.
    pooled = {"DATABASE_POOL": os.environ.get("DATABASE_POOL", "true"), **addresses}
    unpooled = {**addresses, "DATABASE_POOL": "false"}
    programs = [
        Program("web", web_command(web_port), pooled),
        Program("worker", manage_command("qcluster"), unpooled, is_hung=is_worker_hung),
        Program("bot", manage_command("runbot"), pooled),
    ]
    if settings.SANDBOX:
        command = manage_command("sandbox", "--host", HOST, "--port", str(sandbox_port))
        programs.append(Program("sandbox", command, unpooled))
    return programs


def web_command(port: int) -> list[str]:
    """Granian with one worker a core; blocking threads because the ORM is synchronous."""
    workers = min(os.cpu_count() or 1, MOST_WEB_WORKERS)
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)]
    command += [
        "--workers",
        str(workers),
        "--blocking-threads",
        str(WEB_THREADS),
        "--no-ws",
        "--respawn-failed-workers",
    ]
    return [*command, "lockbay.wsgi:application"]


def manage_command(*arguments: str) -> list[str]:
    """A management command in its own process."""
    return [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]


def is_worker_hung(uptime: float) -> bool:
    """True when the worker has had time to beat and its last beat is too old, or there is none.

    The queue's schedules tick too slowly to tell, so the watchdog itself asks for a beat through the queue: what comes
    back proves that a task was taken and run. A database that cannot be asked says nothing about the worker.
    """
    limit = timedelta(seconds=settings.WORKER_WATCHDOG_SECONDS)
    close_old_connections()
    try:
        age = heartbeat.age_of("worker")
        if age is None or age > limit / 6:
            jobs.wake("heartbeat")
    except DatabaseError:
        return False
    finally:
        connections.close_all()
    return timedelta(seconds=uptime) > limit and (age is None or age > limit)


def require_free_port(port: int, *, option: str) -> None:
    """Raises: CommandError naming the port and the option when something listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise CommandError(
                f"port {port} is already in use: stop what listens there, or choose another with {option}."
            ) from error


def greet_when_ready(console: Console, supervisor: Supervisor, web_port: int, sandbox_port: int) -> None:
    """Prints where everything is once /ready answers 200, or what it says when that takes too long."""
    deadline = time.monotonic() + READY_WITHIN
    warned = False
    while not supervisor.stopping.wait(1.0):
        status, answer = ask_ready(web_port)
        if status == http.client.OK:
            console.show(draw_box(addresses_to_print(web_port, sandbox_port)))
            return
        if time.monotonic() > deadline and not warned:
            warned = True
            console.say("up", f"not ready after {READY_WITHIN:.0f} s, still trying. /ready says: {answer}")


def ask_ready(port: int) -> tuple[int, str]:
    """The status and the text of our own /ready; status 0 while nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", "/ready")
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, f"no answer ({error})"
    finally:
        connection.close()


def addresses_to_print(web_port: int, sandbox_port: int) -> list[str]:
    """The lines of the box."""
    web = f"http://{HOST}:{web_port}"
    if not settings.SANDBOX:
        return ["LockBay is ready", "", f"Web    {web}", f"Admin  {web}/admin/", "", "Ctrl-C stops everything"]
    login = f"{settings.SANDBOX_STAFF_LOGIN} / {settings.SANDBOX_STAFF_PASSWORD}"
    return [
        "LockBay is ready (sandbox: play money)",
        "",
        f"Sandbox  http://{HOST}:{sandbox_port}/   two phones, a mailbox, a pay panel",
        f"Admin    {web}/admin/   login {login}",
        f"Health   {web}/ready",
        "",
        "Ctrl-C stops everything",
    ]

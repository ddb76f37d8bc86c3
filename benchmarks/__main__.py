"""python -m benchmarks [ledger] [rates] [drain] [http] [storm] [desk] [--rounds N]: ratios, then a proof of books."""

import argparse
import os
import sys

PARTS = ("ledger", "rates", "drain", "http", "storm", "desk")


def main() -> int:
    """Starts a database, measures, proves. Returns the exit code: 1 when the books do not hold afterwards."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="part", help=f"what to measure: {', '.join(PARTS)} (all when left out)"
    )
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    unknown = set(chosen.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    from tests.plugins.local_postgres import start_local_postgres

    server = start_local_postgres(is_durable=True)
    try:
        os.environ.update(
            server.environment, LOCKBAY_MODE="test", DJANGO_SETTINGS_MODULE="lockbay.settings", LOG_LEVEL="ERROR"
        )
        return run(chosen.parts or list(PARTS), rounds=chosen.rounds)
    finally:
        server.stop()


def run(parts: list[str], *, rounds: int) -> int:
    """Measures `parts` on the database of the environment."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from benchmarks import database, desk, drain, ledger, rates, storm, web
    from wallets.proof import check_ledger

    call_command("migrate", verbosity=0)
    print(database.durability(), flush=True)
    with database.raw_connection() as raw:
        if "ledger" in parts:
            print(*ledger.measure(raw, rounds=rounds), sep="\n", flush=True)
        if "drain" in parts:
            print(*drain.measure(raw, rounds=rounds), sep="\n", flush=True)
    if "http" in parts:
        print(*web.measure(rounds=rounds), sep="\n", flush=True)
    if "rates" in parts:
        print(*rates.measure(), sep="\n", flush=True)
    if "storm" in parts:
        print(*storm.measure(), sep="\n", flush=True)
    if "desk" in parts:
        print(*desk.measure(), sep="\n", flush=True)
    check = check_ledger(full=True)
    connection.close()
    print(
        f"books after the run: {'they hold' if check.is_green else check.breaches[:3]} ({check.entries_read:,} entries)"
    )
    return 0 if check.is_green else 1


if __name__ == "__main__":
    sys.exit(main())

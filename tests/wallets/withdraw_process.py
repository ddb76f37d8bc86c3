"""A process of its own that tries to take money once; started by test_concurrency. Arguments: user id, key, amount."""

import sys


def main() -> int:
    import django

    django.setup()
    from tests.wallets.test_concurrency import hold_once

    return 0 if hold_once(int(sys.argv[1]), sys.argv[2], sys.argv[3]) else 3


if __name__ == "__main__":
    sys.exit(main())

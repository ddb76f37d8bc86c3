"""Tests that ask a real Ethereum node of this machine (fixture `local_chain`) run where its packages are installed.

`./dev test` installs them from tests/chain/package-lock.json when npm is there. Elsewhere these tests are left out,
loudly; CI requires them.
"""

import os
from collections.abc import Iterator

import pytest

from tests.plugins.local_chain import LocalChain, why_not_installed

_LEFT_OUT = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def local_chain() -> Iterator[LocalChain]:
    """A running chain with nothing on it but rich accounts."""
    chain = LocalChain()
    yield chain
    chain.stop()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if why_not_installed() and os.environ.get("CI") == "true":
        raise pytest.UsageError(f"CI=true, but {why_not_installed()}: the chain tests are required here")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    on_chain = [item for item in items if "local_chain" in getattr(item, "fixturenames", ())]
    for item in on_chain:
        item.add_marker(pytest.mark.xdist_group("chain"))  # one node serves them all
    if why_not_installed() and on_chain:
        config.stash[_LEFT_OUT] = len(on_chain)
        config.hook.pytest_deselected(items=on_chain)
        items[:] = [item for item in items if item not in on_chain]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if why_not_installed():
        terminalreporter.section(f"NO LOCAL CHAIN: ITS TESTS DID NOT RUN ({why_not_installed()})", sep="!", red=True)

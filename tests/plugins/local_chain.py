"""A real Ethereum node (anvil) with our own contracts on it, for tests. Started on a free port, stopped by its id."""

import json
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from Crypto.Hash import keccak

from lockbay import http
from tests.ports import free_port

FOLDER = Path(__file__).resolve().parent.parent / "chain"
_MODULES = FOLDER / "node_modules"
_ANSWERS_WITHIN_SECONDS = 20


def why_not_installed() -> str:
    """Empty when a local chain can be started here, else the reason."""
    if shutil.which("node") is None:
        return "node was not found"
    if _find_anvil() is None or not (_MODULES / "solc").is_dir():
        return "tests/chain is not installed: ./dev test does it where npm is found"
    return ""


class LocalChain:
    """Chain id 1; blocks are mined when a transaction comes, and by `mine`. Amounts are raw integers."""

    def __init__(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._home = tempfile.mkdtemp(prefix="lockbay-chain-")
        self._process = subprocess.Popen(
            [
                str(_find_anvil()),
                "--quiet",
                "--host",
                "127.0.0.1",
                "--port",
                str(port),
                "--chain-id",
                "1",
                "--prune-history",
                "5000",
            ],
            env={"HOME": self._home, "PATH": "/usr/bin:/bin"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_until_it_answers()
        self.accounts: list[str] = self.rpc("eth_accounts")
        compiled = subprocess.run(["node", FOLDER / "compile.js"], check=True, capture_output=True).stdout
        self._bytecode: dict[str, str] = json.loads(compiled)

    def stop(self) -> None:
        """Ends the node."""
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._home, ignore_errors=True)

    def rpc(self, method: str, *params: Any) -> Any:
        """The result of one call; an error is a failed test."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = http.request("POST", self.url, json=body, timeout=20).json()
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def deploy(self, contract: str, symbol: str = "", digits: int = 0) -> str:
        """The lower-case address of a new contract of contracts/Tokens.sol, made by the first account."""
        arguments = _words(0x40, digits, len(symbol)) + symbol.encode().hex().ljust(64, "0") if symbol else ""
        txid = self.send(to=None, data=self._bytecode[contract] + arguments)
        return str(self.rpc("eth_getTransactionReceipt", txid)["contractAddress"]).lower()

    def send(self, *, to: str | None, data: str = "0x", value: int = 0, **more: Any) -> str:
        """The txid of a mined transaction of the first account; `is_mined=False`: of one that waits (mining is off)."""
        is_mined = more.pop("is_mined", True)
        fields = {"from": self.accounts[0], "data": data, "value": hex(value), "gas": hex(3_000_000), **more}
        txid = str(self.rpc("eth_sendTransaction", fields | ({"to": to} if to else {})))
        until = time.monotonic() + _ANSWERS_WITHIN_SECONDS
        while is_mined and self.rpc("eth_getTransactionReceipt", txid) is None:
            assert time.monotonic() < until, "the transaction is not mined"
            time.sleep(0.01)
        return txid

    def send_token(self, contract: str, to: str, amount: int, **more: Any) -> str:
        """Calls transfer(to, amount)."""
        return self.send(to=contract, data=_call("transfer(address,uint256)", int(to, 16), amount), **more)

    def send_token_to_many(self, contract: str, payments: list[tuple[str, int]]) -> str:
        """One transaction with several transfers."""
        count = len(payments)
        words = [0x40, 0x60 + 0x20 * count, count, *(int(to, 16) for to, _ in payments)]
        words += [count, *(amount for _, amount in payments)]
        return self.send(to=contract, data=_call("transferMany(address[],uint256[])", *words))

    def forward_native(self, forwarder: str, to: str, wei: int) -> str:
        """Pays through a contract: an internal transfer."""
        return self.send(to=forwarder, data=_call("forward(address)", int(to, 16)), value=wei)

    def mine(self, blocks: int) -> None:
        """Adds empty blocks, or blocks with what waits."""
        self.rpc("anvil_mine", hex(blocks))

    def reorganise(self, depth: int) -> None:
        """Replaces the newest blocks by empty ones of the same number."""
        self.rpc("anvil_reorg", depth, [])
        self.rpc("anvil_setTime", int(time.time()))  # the node goes on from the old block's time otherwise

    @staticmethod
    def fresh_address() -> str:
        """A lower-case address that nobody has used."""
        return "0x" + secrets.token_hex(20)

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + _ANSWERS_WITHIN_SECONDS
        while True:
            try:
                self.rpc("eth_chainId")
                return
            except http.HTTPError:
                assert self._process.poll() is None, "the node ended at once"
                assert time.monotonic() < until, "the node does not answer"
                time.sleep(0.05)


def _find_anvil() -> Path | None:
    return next(iter(_MODULES.glob("@foundry-rs/anvil-*/bin/anvil")), None)


def _call(signature: str, *words: int) -> str:
    return "0x" + keccak.new(data=signature.encode(), digest_bits=256).hexdigest()[:8] + _words(*words)


def _words(*values: int) -> str:
    return "".join(f"{value:064x}" for value in values)

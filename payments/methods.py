"""A way to pay: which provider, which coin, by which network."""

from dataclasses import dataclass

from payments.errors import UnknownMethod


@dataclass(frozen=True, slots=True)
class PayMethod:
    """`code` is its short text, e.g. "sandbox:USDT:TRC20"."""

    provider: str
    asset: str
    network: str

    @property
    def code(self) -> str:
        return f"{self.provider}:{self.asset}:{self.network}"

    @classmethod
    def parse(cls, code: str) -> "PayMethod":
        """Reads a code back. Raises: UnknownMethod when it has not three parts."""
        parts = code.split(":")
        if len(parts) != 3 or not all(parts):
            raise UnknownMethod(code[:60])
        return cls(*parts)

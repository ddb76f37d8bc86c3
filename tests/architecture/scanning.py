"""Rules of the house that a reader of syntax can check. Each takes a module and yields "line: what is wrong".

Every rule is shown red on a planted sample in test_rules.py, so none of them can rot into a test that never fails.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("lockbay", "wallets", "payments", "escrows", "notifications", "telegrambot")
MONEY_ROOMS = ("wallets", "payments", "escrows")


@dataclass(frozen=True)
class Module:
    """A source file: its path below the root ("wallets/ledger.py") and its syntax tree."""

    path: str
    tree: ast.Module

    @classmethod
    def of(cls, path: str, source: str) -> "Module":
        return cls(path, ast.parse(source))


Rule = Callable[[Module], Iterator[str]]


@cache
def modules(*rooms: str) -> list[Module]:
    """Every module of the rooms, migrations left out; read once, forget them by `modules.cache_clear()`."""
    return [
        Module.of(str(path.relative_to(ROOT)), path.read_text())
        for room in rooms
        for path in sorted((ROOT / room).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def floats_near_money(module: Module) -> Iterator[str]:
    """B1: no float ever touches money: no float(), no FloatField, no float literal or annotation in the money rooms."""
    if not module.path.startswith(MONEY_ROOMS) or module.path in MAY_MEASURE:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute) and _name(node) in {"float", "FloatField"}:
            yield f"{module.path}:{node.lineno}: float"
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"{module.path}:{node.lineno}: float literal {node.value}"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not _is_decimal(node.right):
            yield f"{module.path}:{node.lineno}: true division"


# Seconds, ages and shares of calls are not money.
MAY_MEASURE = {
    "payments/rates/asking.py",
    "payments/rates/prewarm.py",
    "payments/rates/quotes.py",
    "payments/rates/refresh.py",
}


def swallowed_exceptions(module: Module) -> Iterator[str]:
    """B4: a broad except re-raises or records; `except: pass` of anything is refused in the money rooms."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        names = {_name(part) for part in _parts(node.type)}
        if (node.type is None or names & {"Exception", "BaseException"}) and not _raises_or_records(node):
            yield f"{module.path}:{node.lineno}: broad except that neither re-raises nor records"


def clocks_of_their_own(module: Module) -> Iterator[str]:
    """The domain reads lockbay.clock only."""
    if module.path in {"lockbay/clock.py"} or module.path.startswith(("telegrambot/sandbox/", "lockbay/console")):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and _dotted(node.func) in _CLOCKS:
            yield f"{module.path}:{node.lineno}: {_dotted(node.func)}() instead of lockbay.clock"


_CLOCKS = {"datetime.now", "datetime.utcnow", "timezone.now", "date.today", "time.time", "datetime.datetime.now"}


def settings_read_elsewhere(module: Module) -> Iterator[str]:
    """Settings are read in one place: no os.environ beyond env.py and the launcher's own, no getattr(settings, …)."""
    for node in ast.walk(module.tree):
        is_getattr = isinstance(node, ast.Call) and _name(node.func) == "getattr"
        if is_getattr and _name(next(iter(node.args), None)) == "settings":
            yield f"{module.path}:{node.lineno}: getattr(settings, …)"
        if isinstance(node, ast.Attribute) and _dotted(node) in {"os.environ", "os.getenv"} and module.path not in _ENV:
            yield f"{module.path}:{node.lineno}: {_dotted(node)}"


# The launcher's side of the house, and the Telegram library's own switch.
_ENV = {
    "telegrambot/__init__.py",
    "lockbay/env.py",
    "lockbay/wsgi.py",
    "lockbay/supervisor.py",
    "lockbay/orphans.py",
    "lockbay/console.py",
    "lockbay/management/commands/up.py",
}


def balances_written_elsewhere(module: Module) -> Iterator[str]:
    """B6: only wallets/ledger.py writes accounts, operations and entries; account_rows.py opens accounts for it."""
    if module.path in {"wallets/ledger.py", "wallets/account_rows.py", "wallets/models.py"}:
        return
    for call in _calls(module.tree):
        is_write = isinstance(call.func, ast.Attribute) and call.func.attr in _WRITES and _root_of(call.func) in _BOOKS
        is_set_based = _name(call.func) in _SET_BASED and _name(next(iter(call.args), None)) in _BOOKS
        if is_write or is_set_based:
            yield f"{module.path}:{call.lineno}: writes the books beside the ledger"


_SET_BASED = {"insert_new", "update_each"}
_BOOKS = {"Account", "Operation", "Entry"}
_WRITES = {"create", "bulk_create", "update", "bulk_update", "delete", "get_or_create", "update_or_create", "save"}


def statuses_written_elsewhere(module: Module) -> Iterator[str]:
    """E2, W2: one module writes a trade's status, one a withdrawal's."""
    for name, writer in (("Escrow", "escrows/moving.py"), ("Withdrawal", "wallets/withdrawal_moving.py")):
        if module.path == writer or module.path.startswith("tests/"):
            continue
        for node in ast.walk(module.tree):
            is_set = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            if is_set and _dotted(node) == f"{name.lower()}.status":
                yield f"{module.path}:{node.lineno}: {name.lower()}.status is assigned"
        for call in _calls(module.tree):
            is_update = isinstance(call.func, ast.Attribute) and call.func.attr == "update"
            if is_update and _root_of(call.func) == name and "status" in {keyword.arg for keyword in call.keywords}:
                yield f"{module.path}:{call.lineno}: a status of {name} is updated"


def payouts_sent_elsewhere(module: Module) -> Iterator[str]:
    """W3: one action sends payouts; a rail's order leaves through the contract's send(), which passes the guard."""
    is_near = module.path.startswith(MONEY_ROOMS) or any(
        name.startswith("payments.payouts") for name in _imported(module.tree)
    )
    for call in _calls(module.tree) if is_near else ():
        is_method = isinstance(call.func, ast.Attribute)
        if is_method and _name(call.func) in _SENDS and module.path not in _SENDS[_name(call.func)]:
            yield f"{module.path}:{call.lineno}: calls {_name(call.func)}() of a rail"
        if _name(call.func) == "place" and not module.path.startswith("payments/payouts/"):
            yield f"{module.path}:{call.lineno}: places an order beside the rails"


_SENDS = {"send": {"payments/actions/send_payout.py"}, "_send": {"payments/payouts/base.py"}}


def actions_out_of_shape(module: Module) -> Iterator[str]:
    """An action module has one public function (and its _within), keyword-only; anything beside is private."""
    if "/actions/" not in module.path or module.path.endswith("__init__.py"):
        return
    public = [node for node in module.tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    if not public and not module.path.rsplit("/", 1)[1].startswith("_"):
        yield f"{module.path}:1: an action module without an action"
    for node in public:
        if node.args.args and len(node.args.args) > 1:
            yield f"{module.path}:{node.lineno}: {node.name} takes positional arguments"
        if ast.get_docstring(node) is None:
            yield f"{module.path}:{node.lineno}: {node.name} has no docstring"


def banned_names(module: Module) -> Iterator[str]:
    """Names that say nothing."""
    stem = Path(module.path).stem
    if stem in {"utils", "helpers", "common", "manager", "misc"} or stem.endswith("_service"):
        yield f"{module.path}:1: banned module name"


def sentences_in_python(module: Module) -> Iterator[str]:
    """N7: what a user reads stands in templates/: no text of four words or more in the bot's handlers and screens."""
    if not module.path.startswith(_SPEAKING):
        return
    quiet = {id(text) for text in _quiet_texts(module.tree)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet:
            words = [word for word in node.value.split() if word.isalpha()]
            if len(words) >= 4:
                yield f"{module.path}:{node.lineno}: a sentence in Python: {node.value[:40]!r}"


# What staff read beside a delivery ("too late to remind") is a note, not a message.
_SPEAKING = (
    "telegrambot/handlers/",
    "telegrambot/keyboards",
    "telegrambot/screens",
    "notifications/rendering",
    "notifications/texts",
)

RULES: tuple[Rule, ...] = (
    floats_near_money,
    swallowed_exceptions,
    clocks_of_their_own,
    settings_read_elsewhere,
    balances_written_elsewhere,
    statuses_written_elsewhere,
    payouts_sent_elsewhere,
    actions_out_of_shape,
    banned_names,
    sentences_in_python,
)


def _quiet_texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """Docstrings, and the words of exceptions and log lines: read by developers and staff, not by users."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        is_log = isinstance(node, ast.Call) and _root_of(node.func) in {"logger", "log"}
        if isinstance(node, ast.Raise) or is_log:
            yield from (part for part in ast.walk(node) if isinstance(part, ast.Constant))


def _imported(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported, and every name from one, dotted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _raises_or_records(handler: ast.ExceptHandler) -> bool:
    for node in ast.walk(handler):
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Call):
            dotted = _dotted(node.func)
            if dotted.startswith(("logger.", "log.")) or "record" in dotted or "say" in dotted or "report" in dotted:
                return True
        if isinstance(node, ast.Name | ast.Attribute) and handler.name and _name(node) == handler.name:
            return True
    return False


def _parts(node: ast.expr | None) -> list[ast.expr]:
    if node is None:
        return []
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _is_decimal(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _name(node.func) == "Decimal"


def _name(node: ast.AST | None) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _root_of(node: ast.AST) -> str:
    while True:
        if isinstance(node, ast.Attribute):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return _name(node)

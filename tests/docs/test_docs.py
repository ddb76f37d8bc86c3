"""The documents say what is: links lead somewhere, named files and tests exist, no setting and no rule is missing."""

import ast
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = (
    "lockbay",
    "wallets",
    "payments",
    "escrows",
    "notifications",
    "telegrambot",
    "tests",
    "templates",
    "benchmarks",
)
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(rf"^(?:(?:{'|'.join(ROOMS)}|docs|deploy)/[\w./-]*|manage\.py|dev|pyproject\.toml)$")
_TEST = re.compile(r"^(tests/[\w/.-]+\.py)::(?:(\w+)::)?(\w+)$")
_RULE = re.compile(r"\b[BEPRNWTAO][1-9]\d?\b")
_FAULT = re.compile(r"\bF[1-9]\d?\b")
_VARIABLE = re.compile(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
_CITED_PAGE = re.compile(r"\bdocs/[\w/.-]+\.md\b")


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _prose(page: Path) -> str:
    return _CODE_BLOCK.sub("", page.read_text())


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _sources() -> Iterator[Path]:
    for room in ROOMS:
        for suffix in ("py", "html", "txt"):
            yield from (ROOT / room).rglob(f"*.{suffix}")


def _cited(pattern: re.Pattern[str]) -> dict[str, str]:
    return {
        found: _name(path)
        for path in _sources()
        if path != Path(__file__)
        for found in pattern.findall(path.read_text())
    }


# --- Pages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(_prose(page)):
        target, _, anchor = link.partition("#")
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = [text.partition("::")[0] for text in _CODE.findall(_prose(page))]
    assert [name for name in named if _PATH.match(name) and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = [match for text in _CODE.findall(_prose(page)) if (match := _TEST.match(text))]
    assert [match[0] for match in named if not _has_test(ROOT / match[1], match[2] or "", match[3])] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        ahead += [(page.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(page.read_text())]
    assert [_name(page) for page in PAGES if page not in reached] == []


def test_every_page_that_the_code_cites_exists() -> None:
    cited = _cited(_CITED_PAGE)
    assert {page: place for page, place in cited.items() if not (ROOT / page).exists()} == {}


def test_the_changelog_begins_with_what_is_not_released_yet() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "[Unreleased]"


def _has_test(path: Path, class_name: str, name: str) -> bool:
    text = path.read_text() if path.exists() else ""
    return f"def {name}(" in text and (not class_name or f"class {class_name}" in text)


# --- Settings ----------------------------------------------------------------------------------------------------


def _variables_read() -> dict[str, str | None]:
    """Name → its default as text where settings.py has a plain one, else None."""
    tree = ast.parse((ROOT / "lockbay" / "settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _reads_environment(node)]
    return {_constant(call.args[0]): _plain_default(call) for call in calls}


def _reads_environment(call: ast.Call) -> bool:
    function = call.func
    return isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "env"


def _plain_default(call: ast.Call) -> str | None:
    place = 2 if isinstance(call.func, ast.Attribute) and call.func.attr == "read_choice" else 1
    default = call.args[place] if len(call.args) > place else None
    if isinstance(default, ast.Call) and isinstance(default.func, ast.Name) and default.func.id == "Decimal":
        default = default.args[0]
    try:
        value = ast.literal_eval(default) if default is not None else None
    except ValueError:
        return _computed(default)
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def _computed(default: ast.expr | None) -> str | None:
    """7 * 24 and the like."""
    if isinstance(default, ast.BinOp) and isinstance(default.op, ast.Mult):
        try:
            return str(ast.literal_eval(default.left) * ast.literal_eval(default.right))
        except ValueError:
            return None
    return None


def _constant(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant), "settings.py names every variable in full"
    return str(node.value)


def _variables_documented() -> dict[str, str]:
    return dict(_VARIABLE.findall((ROOT / ".env.example").read_text()))


def test_the_example_names_every_variable_that_is_read() -> None:
    assert sorted(_variables_read().keys() - _variables_documented().keys()) == []


def test_the_example_names_no_variable_that_nobody_reads() -> None:
    assert sorted(_variables_documented().keys() - _variables_read().keys()) == []


def test_the_example_states_the_true_defaults() -> None:
    documented = _variables_documented()
    wrong = {
        name: (documented.get(name), default)
        for name, default in _variables_read().items()
        if default is not None and not _means_the_same(documented.get(name, ""), default)
    }
    assert wrong == {}


def test_the_example_names_each_variable_once() -> None:
    names = [name for name, _ in _VARIABLE.findall((ROOT / ".env.example").read_text())]
    assert sorted(set(names)) == sorted(names)


def _means_the_same(written: str, default: str) -> bool:
    if written == default or default == str(written.split(",")):
        return True
    numbers = r"\d+(?:\.\d+)?"
    return bool(re.fullmatch(numbers, written) and re.fullmatch(numbers, default)) and Decimal(written) == Decimal(
        default
    )


def test_every_system_check_is_explained() -> None:
    ids = set(re.findall(r'id="(lockbay\.[EW]\d+)"', (ROOT / "lockbay" / "checks.py").read_text()))
    explained = set(re.findall(r"`(lockbay\.[EW]\d+)`", (ROOT / "docs" / "running.md").read_text()))
    assert explained == ids


# --- Rules, faults, decisions ------------------------------------------------------------------------------------


def _headed(page: str, pattern: str) -> list[str]:
    return re.findall(pattern, (ROOT / "docs" / page).read_text(), re.MULTILINE)


def test_every_rule_that_the_code_cites_is_in_the_book_of_rules() -> None:
    known = set(_headed("rules.md", r"^- \*\*([A-Z]\d+)\*\* "))
    cited = _cited(_RULE)
    assert {rule: place for rule, place in cited.items() if rule not in known} == {}


def test_every_fault_that_the_code_cites_is_in_the_table_of_faults() -> None:
    known = set(_headed("faults.md", r"^\| (F\d+) \|"))
    cited = _cited(_FAULT)
    assert {fault: place for fault, place in cited.items() if fault not in known} == {}


def test_every_fault_names_its_test_or_says_that_it_has_none() -> None:
    proofs = _headed("faults.md", r"^\| F\d+ \|.*\| ([^|]*) ?\|$")
    assert len(proofs) == 45
    assert [proof for proof in proofs if not re.match(r"(in part: )?`tests/|later|no test yet", proof)] == []


def test_every_rule_is_stated_once() -> None:
    rules = _headed("rules.md", r"^- \*\*([A-Z]\d+)\*\* ")
    assert sorted(set(rules)) == sorted(rules)


def test_decisions_are_numbered_without_gaps_and_without_doubles() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=_name)
def test_a_decision_says_why_what_and_at_what_price(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.name[:4]} ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]

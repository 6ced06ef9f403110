"""docs/conformance.md names every rule, and each test that it names is there."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WIRE = Path(__file__).resolve().parent / "http1"
RULES = range(1, 33)


def rows() -> dict[int, list[str]]:
    text = (ROOT / "docs/conformance.md").read_text()
    section = text.partition("## Rules and their tests")[2].partition("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if re.match(r"\| \d", line)
    ]
    assert len({row[0] for row in cells}) == len(cells), "a rule stands twice"
    return {int(row[0]): row[1:] for row in cells}


def named_in(cell: str) -> Iterator[tuple[str, str]]:
    """File and test: names follow the file they are in."""
    file = ""
    for word in cell.split():
        if word.startswith("`"):
            file = word.strip("`")
        else:
            assert file, f"{word} has no file"
            yield file, word


def wire_tests(path: Path) -> dict[str, list[str]]:
    """Test functions of a file, each with the names of the rows that it may be given."""
    sys.path.insert(0, str(WIRE))
    try:
        module = __import__(path.stem)
    finally:
        sys.path.remove(str(WIRE))
    tables = {
        name: [row.name for row in value if hasattr(row, "name")]
        for name, value in vars(module).items()
        if isinstance(value, list)
    }
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            used = {name.id for part in node.decorator_list for name in ast.walk(part)
                    if isinstance(name, ast.Name)}  # fmt: skip
            found[node.name] = [row for table in used & set(tables) for row in tables[table]]
    return found


def http2_rows() -> dict[str, str]:
    section = (ROOT / "docs/conformance.md").read_text().partition("\n## HTTP/2\n")[2]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.partition("\n## ")[0].splitlines()
        if re.match(r"\| (A|B|D|HPACK|H\d+) \|", line)
    ]
    return {row[0]: row[2] for row in cells}


def test_every_rule_of_http_2_has_its_row() -> None:
    assert set(http2_rows()) == {"A", "B", "D", "HPACK", *(f"H{n}" for n in range(1, 14))}


@pytest.mark.parametrize("rule", http2_rows())
def test_named_tests_of_http_2_exist(rule: str) -> None:
    for file, word in named_in(http2_rows()[rule]):
        (path,) = Path(__file__).parent.glob(f"*/{file}")
        name, _, group = word.rstrip("]").partition("[")
        assert re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE), f"no {name} in {file}"
        assert not group or f'"{group} ' in path.read_text(), f"{file} has no row of {group}"


def test_every_rule_has_its_row() -> None:
    assert list(rows()) == list(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_named_tests_on_the_wire_exist(rule: int) -> None:
    named = list(named_in(rows()[rule][1]))
    assert named, "no test on the wire"
    for file, word in named:
        name, _, number = word.rstrip("]").partition("[")
        tests = wire_tests(WIRE / file)
        assert name in tests, f"{file} has no {name}"
        if number:
            assert int(number) == rule
            assert any(row.startswith(f"{number} ") for row in tests[name]), f"no row for {word}"


@pytest.mark.parametrize("rule", RULES)
def test_named_tests_of_the_codec_exist(rule: int) -> None:
    named = list(named_in(rows()[rule][2]))
    assert named, "no test of the codec"
    for file, word in named:
        (path,) = [*(ROOT / "src").glob(f"http/{file}"), *(ROOT / "src").glob(f"http1/{file}")]
        begins = word + "_" if re.fullmatch(r"r\d\d", word) else word
        assert re.search(rf'["\s(,{{]{begins}', path.read_text()), f"{file} has no {word}"
    assert any(word == f"r{rule:02}" for _, word in named)

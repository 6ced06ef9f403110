"""Warns of files past 400 lines and Python functions past 60: look for the second subject in them.

C++ functions are measured by clang-tidy (readability-function-size). A warning, never a failure:
a long constant table is no fault. Run by tools/check.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 60
ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("src", "python", "tools", "tests", "bench", "examples")


def long_functions(path: Path, text: str) -> Iterator[str]:
    """The functions of one Python file that are too long."""
    for node in ast.walk(ast.parse(text, str(path))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{path}:{node.lineno}: {node.name} has {lines} lines"


def warnings(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines > FILE_LINES:
        yield f"{path}: {lines} lines"
    if path.suffix == ".py":
        yield from long_functions(path, text)


def main() -> int:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".cc", ".h", ".py"} and "generated" not in path.parts:
                for warning in warnings(path.relative_to(ROOT)):
                    print(f"warning: {warning}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Compares what each module includes with the table of layers, and with its CMake DEPS.

A folder below src/ is a module. A module may include itself, the layers that its own layer allows,
and of these only what its CMakeLists.txt names as DEPS; a DEPS entry that nothing includes is a
dependency nobody needs. Only src/python and the module's entry point see Python.h. ARCHITECTURE.md
explains the table; a new module starts with a row here. Run by tools/check.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tools.sources import ROOT, includes, native_sources

LAYERS: dict[str, tuple[str, ...]] = {
    "ground": ("base", "os"),
    "plumbing": ("log", "options", "stats", "net", "tls"),
    "protocols": ("http", "http1", "http2", "websocket", "gateway"),
    "exchange": ("control", "client", "mailbox", "cache", "statics"),
    "services": ("spooler", "mules", "timers", "signals"),
    "roles": ("master", "worker", "python", "front", "manager", "logger", "watcher", "emperor"),
    "programs": ("app",),
}
LAYER_OF = {module: layer for layer, modules in LAYERS.items() for module in modules}
ORDER = list(LAYERS)

# Protocols are bytes in, events out: they know neither sockets nor logs.
PROTOCOLS_MAY_INCLUDE = {"base", "http"}
# The bridge to Python runs inside a worker: it implements the worker's seams (AppBridge and the
# wait hooks), so it is the one role that sees another.
ROLES_MAY_INCLUDE = {("python", "worker")}
PYTHON_H_BELONGS_TO = ("src/python/", "src/app/module.cc")

_DEPS = re.compile(r"mew_module\s*\(\s*(\w+)(.*?)\)", re.DOTALL)
_KEYWORDS = {"SOURCES", "TESTS", "DEPS"}


@dataclass
class Module:
    """One folder: what its files include (module -> first place seen) and what CMake links."""

    name: str
    included: dict[str, str] = field(default_factory=dict)
    deps: set[str] | None = None  # absent: no mew_module() in its CMakeLists.txt


def may_include(module: str, other: str) -> bool:
    """Whether the table of layers lets `module` include `other`."""
    layer, below = LAYER_OF[module], LAYER_OF[other]
    if layer == "protocols":
        return other in PROTOCOLS_MAY_INCLUDE
    if layer == below:
        return layer in {"ground", "plumbing", "programs"} or (module, other) in ROLES_MAY_INCLUDE
    return ORDER.index(below) < ORDER.index(layer)


def read_deps(cmake: str) -> set[str] | None:
    """The DEPS of the mew_module() call in a CMakeLists.txt, without those of other projects."""
    call = _DEPS.search(re.sub(r"#.*", "", cmake))
    if call is None:
        return None
    deps, keyword = set(), ""
    for word in call[2].split():
        if word in _KEYWORDS:
            keyword = word
        elif keyword == "DEPS" and "::" not in word:
            deps.add(word)
    return deps


def read_modules(root: Path) -> tuple[dict[str, Module], list[str]]:
    """The modules of a tree, and what is wrong with single files."""
    modules: dict[str, Module] = {}
    mistakes = []
    for path in native_sources(root):
        place = path.relative_to(root)
        module = modules.setdefault(place.parts[1], Module(place.parts[1]))
        for name, line, ours in includes(path.read_text(encoding="utf-8")):
            where = f"{place}:{line}"
            if name == "Python.h" and not str(place).startswith(PYTHON_H_BELONGS_TO):
                mistakes.append(f"{where}: Python.h belongs to {' and '.join(PYTHON_H_BELONGS_TO)}")
            if ours and "/" not in name:
                mistakes.append(f'{where}: "{name}" names no module; write "<module>/{name}"')
            elif ours and name.split("/")[0] != module.name:
                module.included.setdefault(name.split("/")[0], where)
    for module in modules.values():
        cmake = root / "src" / module.name / "CMakeLists.txt"
        if cmake.exists():
            module.deps = read_deps(cmake.read_text(encoding="utf-8"))
    return modules, mistakes


def check_module(module: Module) -> list[str]:
    """What one module includes against the table and against its DEPS."""
    if module.name not in LAYER_OF:
        return [
            f"src/{module.name}: this folder has no layer; give it one in {Path(__file__).name}"
        ]
    mistakes = []
    for other, where in sorted(module.included.items()):
        if other not in LAYER_OF:
            mistakes.append(f"{where}: '{other}' is no module")
        elif not may_include(module.name, other):
            mistakes.append(
                f"{where}: {module.name} ({LAYER_OF[module.name]}) may not include "
                f"{other} ({LAYER_OF[other]})"
            )
        elif module.deps is not None and other not in module.deps:
            mistakes.append(f"{where}: src/{module.name}/CMakeLists.txt lacks DEPS {other}")
    for other in sorted((module.deps or set()) - set(module.included)):
        mistakes.append(f"src/{module.name}/CMakeLists.txt: nothing here includes DEPS {other}")
    return mistakes


def find_cycle(modules: dict[str, Module]) -> list[str]:
    """A ring of modules that include each other, or nothing. Only one layer can hold one."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done or name not in modules:
            return []
        for other in sorted(modules[name].included):
            ring = visit(other, [*path, name])
            if ring:
                return ring
        done.add(name)
        return []

    for name in sorted(modules):
        ring = visit(name, [])
        if ring:
            return ring
    return []


def check(root: Path) -> list[str]:
    """Everything that is wrong with a tree, a sentence each."""
    modules, mistakes = read_modules(root)
    for name in sorted(modules):
        mistakes += check_module(modules[name])
    ring = find_cycle(modules)
    if ring:
        mistakes.append(f"modules include each other in a ring: {' > '.join(ring)}")
    return mistakes


def main() -> int:
    mistakes = check(ROOT)
    for mistake in mistakes:
        print(mistake, file=sys.stderr)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())

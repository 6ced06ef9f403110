#!/usr/bin/env python3
"""Write the names of uWSGI's options as a table for C++.

usage: tools/uwsgi_names.py FACTS.tsv > src/options/generated/uwsgi_names.inc

FACTS.tsv has a heading line and at least the columns name, short and arg (none, optional or
required). Only these three facts are taken, so that a known name that mewsgi lacks is told apart
from a typing mistake, and its argument is not taken for something else.
"""

import csv
import sys
from collections.abc import Iterable


def rows(lines: Iterable[str]) -> list[tuple[str, str, str]]:
    found: dict[str, tuple[str, str, str]] = {}
    for fact in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
        name, short, arg = fact["name"], fact["short"] or "", fact["arg"]
        if not name or arg not in ("none", "optional", "required"):
            raise SystemExit(f"not a row of facts: {fact}")
        found[name] = (name, short.lstrip("-")[:1], arg)
    return sorted(found.values())


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as facts:
        table = rows(facts)
    print("// Written by tools/uwsgi_names.py; do not edit. Sorted by name.")
    for name, short, arg in table:
        letter = f"'{short}'" if short else "'\\0'"
        print(f'{{"{name}", {letter}, Argument::{arg}}},')


if __name__ == "__main__":
    main()

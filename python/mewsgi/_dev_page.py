"""The page of an error, for `mewsgi dev`: what went wrong first, then where, the app's own lines
open and those of libraries folded away. Nothing is fetched and no script is needed.
"""

from __future__ import annotations

import linecache
from html import escape
from traceback import format_exception

from mewsgi._dev import describe, is_library
from mewsgi._loader import LoadError, below_ours, is_ours

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType
    from typing import Any

    from mewsgi._dev import Request

AROUND = 5  # lines of source before and behind the one in question
MOST_FRAMES = 200
MOST_LOCALS = 60
MOST_ERRORS = 20
LONGEST_VALUE = 500

STYLE = """
:root { color-scheme: light dark; --dim: #777; --line: #8883; --hit: #e5484d26; --bad: #c62a2f }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8589 } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem; color: var(--bad); white-space: pre-wrap; overflow-wrap: anywhere }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; white-space: pre-wrap; overflow-wrap: anywhere }
p, summary { color: var(--dim) } summary { cursor: pointer } b { font-weight: 600 }
pre, code, td { font: 13px/1.5 ui-monospace, monospace }
section { border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0; overflow: hidden }
section > p { margin: 0; padding: .4rem .8rem; border-bottom: 1px solid var(--line) }
section pre { margin: 0; padding: .4rem 0; overflow-x: auto }
section pre span { display: block; padding: 0 .8rem } .hit { background: var(--hit) }
i { color: var(--dim); font-style: normal; user-select: none }
section details { padding: .2rem .8rem; border-top: 1px solid var(--line) }
table { border-collapse: collapse } td { padding: .1rem 1rem .1rem 0; vertical-align: top;
overflow-wrap: anywhere } .whole { overflow-x: auto }
"""


def text_of(error: BaseException) -> str:
    """As Python shows it, without frames of ours."""
    if isinstance(error, LoadError):
        return about(error) + str(error)
    lines = "".join(format_exception(type(error), error, app_frames(error)))
    hint = getattr(error, "mewsgi_hint", None)
    return about(error) + lines.rstrip("\n") + (f"\n{hint}" if hint else "")


def about(error: BaseException) -> str:
    said = getattr(error, "mewsgi_about", None)
    return f"{said}: " if said and isinstance(error, LoadError) else f"{said}\n" if said else ""


def app_frames(error: BaseException) -> TracebackType | None:
    """Above an import's frames lie ours, of a request's none."""
    first = error.__traceback__
    if first is not None and is_ours(first.tb_frame.f_code.co_filename):
        return below_ours(error)
    return first


def html_of(error: BaseException, request: Request) -> str:
    title = str(error) if isinstance(error, LoadError) else describe(error)
    said = getattr(error, "mewsgi_about", None)
    hint = getattr(error, "mewsgi_hint", None)
    where = f"{said}; save the file to try again." if said else f"{request.method} {request.target}"
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title.splitlines()[-1][:200])}</title><style>{STYLE}</style>"
        f"<h1>{escape(title)}</h1><p>{escape(where)}</p>"
    ]
    if hint:
        parts.append(f"<p><b>{escape(hint)}</b></p>")
    if not isinstance(error, LoadError):
        for heading, one in errors_of(error):
            if heading:
                parts.append(f"<h2>{escape(heading)}: {escape(describe(one))}</h2>")
            parts.extend(show_frames(one))
        parts.append(
            "<details class=whole><summary>The traceback as text</summary>"
            f"<pre>{escape(text_of(error))}</pre></details>"
        )
    parts.append(show_table("Headers of the request", request.headers))
    return "".join(parts)


def errors_of(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    """The error, and what it came from: each once, with a heading."""
    pending: list[tuple[str, BaseException | None]] = [("", error)]
    seen: set[int] = set()
    while pending and len(seen) < MOST_ERRORS:
        heading, one = pending.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield heading, one
        parts = getattr(one, "exceptions", ())
        if isinstance(parts, tuple):  # an ExceptionGroup
            pending += [("Part of it", part) for part in parts if isinstance(part, BaseException)]
        if one.__cause__ is not None:
            pending.append(("Its cause", one.__cause__))
        elif not one.__suppress_context__:
            pending.append(("It was raised while handling", one.__context__))


# ---- frames


def show_frames(error: BaseException) -> Iterator[str]:
    """Innermost first: that is where one looks."""
    if isinstance(error, SyntaxError) and error.filename:
        yield show_syntax_error(error)
    folded: list[str] = []
    frames = list(frames_of(error))
    own = any(not is_library(frame.f_code.co_filename) for frame, _ in frames)
    for number, (frame, line) in enumerate(reversed(frames)):
        shown = show_frame(frame, line)
        if is_library(frame.f_code.co_filename) and (own or number > 0):
            folded.append(shown)
            continue
        yield fold(folded)
        folded = []
        yield shown
    yield fold(folded)


def frames_of(error: BaseException) -> Iterator[tuple[FrameType, int]]:
    entry = app_frames(error)
    for _ in range(MOST_FRAMES):
        if entry is None:
            return
        yield entry.tb_frame, entry.tb_lineno
        entry = entry.tb_next


def fold(frames: list[str]) -> str:
    if not frames:
        return ""
    noun = "call" if len(frames) == 1 else "calls"
    return (
        f"<details><summary>{len(frames)} {noun} in libraries</summary>{''.join(frames)}</details>"
    )


def show_frame(frame: FrameType, line: int) -> str:
    code = frame.f_code
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename, frame.f_globals)
    variables = [
        (name, show_value(value))
        for name, value in list(frame.f_locals.items())[:MOST_LOCALS]
        if not name.startswith("__")
    ]
    return (
        f"<section><p>{escape(code.co_filename)}:{line} in <b>{escape(code.co_name)}</b></p>"
        f"{show_source(lines, line)}{show_table('Variables', variables)}</section>"
    )


def show_syntax_error(error: SyntaxError) -> str:
    line = error.lineno or 0
    filename = str(error.filename)
    linecache.checkcache(filename)
    lines = linecache.getlines(filename) or [""] * (line - 1) + [error.text or ""]
    return (
        f"<section><p>{escape(filename)}:{line}</p>{show_source(lines, line, error.offset)}"
        "</section>"
    )


def show_source(lines: list[str], line: int, column: int | None = None) -> str:
    if not 0 < line <= len(lines):
        return ""
    shown = []
    for number in range(max(1, line - AROUND), min(len(lines), line + AROUND) + 1):
        text = lines[number - 1].rstrip("\n")
        hit = " class=hit" if number == line else ""
        shown.append(f"<span{hit}><i>{number:5} </i>{escape(text) or ' '}</span>")
        if hit and column:
            shown.append(f"<span class=hit><i>      </i>{' ' * (column - 1)}^</span>")
    return f"<pre>{''.join(shown)}</pre>"


# ---- values


def show_value(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 -- code of the app's
        return f"(its repr raised {type(error).__name__})"
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + " ..."


def show_table(title: str, rows: list[tuple[str, str]]) -> str:
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows
    )
    return f"<details><summary>{title}</summary><table>{cells}</table></details>"

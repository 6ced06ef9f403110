"""How probes/memory adds up, and how its visitors share the pages."""

import threading
from collections import Counter
from itertools import islice
from pathlib import Path

from measure.django_site import PAGES, Visitor, take_turns
from measure.launch import knows
from measure.memory import Memory
from measure.preloaded import SERVERS, Taken, row, total
from measure.servers import Place
from small_server import server

MIB = 1 << 20


def place(program: Path) -> Place:
    return Place(bench=program, build=program, venv=program, mewsgi=program)


def taken(pss: int, wrong: Counter[str]) -> Taken:
    return Taken(6, Memory(0, 10 * MIB), Memory(90 * MIB, pss * MIB, 20 * MIB), wrong)


def test_every_page_is_asked_for_once():
    pages = islice(iter(range(1000)), 1000)
    lock = threading.Lock()
    seen: list[list[int]] = [[] for _ in range(4)]

    def take(own: list[int]) -> None:
        own.extend(take_turns(pages, lock))

    threads = [threading.Thread(target=take, args=(own,)) for own in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(page for own in seen for page in own) == list(range(1000))


def test_a_visitor_keeps_its_cookies():
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nContent-Length: 2\r\n\r\nok"
    with server(answer, closes=True) as port:
        visitor = Visitor(port)
        assert visitor.ask("GET", PAGES[0]) == (200, "ok")
        assert visitor.cookies == {"a": "1"}


def test_the_ratio_is_that_of_whole_trees():
    assert total({1: Memory(1, 2, 1), 2: Memory(3, 4, 1)}) == Memory(4, 6, 2)
    cells = row(SERVERS[1], taken(60, Counter()), taken(80, Counter()))
    assert cells == ["mewsgi", "6", "10.0", "60.0", "20.0", "40.0", "0.75", "preloaded"]
    broken = row(SERVERS[1], taken(60, Counter({"/file answered 500": 2})), None)
    assert broken[-2:] == ["-", "preloaded; 2 x /file answered 500 ERRORS"]


def test_an_option_is_known_when_help_shows_it(tmp_path):
    program = tmp_path / "mewsgi"
    program.write_text(
        "#!/bin/sh\necho '  -w, --module M   The app'\necho '      --warm-up URI  Call'\n"
    )
    program.chmod(0o755)
    assert knows(place(program), "warm-up") and knows(place(program), "module")
    assert not knows(place(program), "warm")
    assert not knows(place(tmp_path / "nothing"), "warm-up")

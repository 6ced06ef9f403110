"""wsgi.file_wrapper: what reading the object would give is what is sent, from where it stands to
its end or to Content-Length, whatever the object is; and close() of it is called once."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Given, wait_for

CONTENT = bytes(range(256)) * 1200  # several blocks
START_TEXT = 'start_response("200 OK", [("Content-Type", "text/plain")])'


@pytest.fixture
def path(tmp_path: Path) -> str:
    name = tmp_path / "file.bin"
    name.write_bytes(CONTENT)
    return str(name)


def sending(file: str, length: int | None = None, before: str = "pass", block: str = "") -> str:
    headers = [("Content-Type", "a/b")] + ([("Content-Length", str(length))] if length else [])
    return f"""
        import bz2, gzip, io, lzma, mmap, os, subprocess, tempfile, zipfile

        class Closing:
            # Any file-like, and a count of its close()
            def __init__(self, inner):
                self.inner = inner

            def read(self, size):
                return self.inner.read(size)

            def close(self):
                self.inner.close()
                shared["closed"] = shared.get("closed", 0) + 1

        class Counted(io.FileIO):
            def close(self):
                if not self.closed:
                    shared["closed"] = shared.get("closed", 0) + 1
                super().close()

        def app(environ, start_response):
            start_response("200 OK", {headers!r})
            file = {file}
            {before}
            return environ["wsgi.file_wrapper"](file{block})
        """


FILES = {
    "buffered": "open(PATH, 'rb')",
    "unbuffered": "open(PATH, 'rb', buffering=0)",
    "for update": "open(PATH, 'r+b')",
    "unbuffered for update": "open(PATH, 'r+b', buffering=0)",
    "of a descriptor": "os.fdopen(os.open(PATH, os.O_RDONLY), 'rb')",
    "in memory": "io.BytesIO(open(PATH, 'rb').read())",
    "mapped": "mmap.mmap(os.open(PATH, os.O_RDONLY), 0, prot=mmap.PROT_READ)",
    "without descriptor": "Closing(open(PATH, 'rb'))",
    "subclass": "Counted(PATH)",
    "reader of a subclass": "io.BufferedReader(Counted(PATH))",
    "reader of a reader": "io.BufferedReader(io.BufferedReader(io.FileIO(PATH)))",
    "pipe": "subprocess.Popen(['cat', PATH], stdout=subprocess.PIPE).stdout",
}


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("kind", FILES)
def test_kinds_of_files(given: Given, path: str, kind: str, checked: bool) -> None:
    file = FILES[kind].replace("PATH", repr(path))
    for length, body in ((None, CONTENT), (len(CONTENT), CONTENT), (70_000, CONTENT[:70_000])):
        mark = given.server.mark()
        answer = given.get(sending(file, length), checked=checked)
        assert answer.status == 200 and answer.complete
        assert answer.body == body, "never beyond Content-Length"
        if not checked:
            assert "longer than" not in given.whole_log(mark), "and that is no mistake of the app's"


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize(
    "kind", [kind for kind in FILES if kind not in ("pipe", "without descriptor")]
)
def test_from_where_the_file_stands(given: Given, path: str, kind: str, checked: bool) -> None:
    """Also after a few bytes were read, when a buffered file's descriptor stands further on."""
    file = FILES[kind].replace("PATH", repr(path))
    for before, at in (
        ("file.seek(1000)", 1000),
        ("file.read(10)", 10),
        ("file.read(5); file.seek(100000); file.read(5)", 100_005),
        ("file.seek(0, 2)", len(CONTENT)),
    ):
        answer = given.get(sending(file, None, before), checked=checked)
        assert answer.complete and answer.body == CONTENT[at:], before
    part = given.get(sending(file, 50, "file.seek(300)"), checked=checked)
    assert part.body == CONTENT[300:350]


@pytest.mark.parametrize(
    "file",
    [
        "gzip.open(packed)",
        "bz2.open(packed)",
        "lzma.open(packed)",
        "zipfile.ZipFile(packed).open('inner')",
        "tempfile.SpooledTemporaryFile()",
        "tempfile.NamedTemporaryFile()",
        "tempfile.TemporaryFile()",
    ],
)
def test_what_is_read_is_sent_and_not_what_lies_in_the_file(given: Given, file: str) -> None:
    """gzip's file has a descriptor: that of the compressed bytes."""
    kind = file.partition(".")[0]
    write = {
        "zipfile": "with zipfile.ZipFile(packed, 'w') as out: out.writestr('inner', content)",
        "tempfile": "pass",
    }.get(kind, f"with {kind}.open(packed, 'wb') as out: out.write(content)")
    source = f"""
        import bz2, gzip, lzma, tempfile, zipfile

        def app(environ, start_response):
            content = b"what was packed " * 10000
            with tempfile.NamedTemporaryFile() as target:
                packed = target.name
                {write}
                file = {file}
                if "{kind}" == "tempfile":
                    file.write(content)
                    file.seek(0)
                file.read(5)
            start_response("200 OK", [("Content-Type", "a/b")])
            return environ["wsgi.file_wrapper"](file)
        """
    assert given.get(source).body == (b"what was packed " * 10_000)[5:]


def test_files_of_the_kernel(given: Given) -> None:
    """Their size is said to be 0, and they hold something."""
    answer = given.get(sending("open('/proc/self/status', 'rb')"))
    assert answer.complete and answer.body.startswith(b"Name:")
    assert given.get(sending("open('/dev/null', 'rb')")).body == b""
    zeros = given.get(sending("open('/dev/zero', 'rb', buffering=0)", 100_000))
    assert zeros.body == bytes(100_000), "endless, and cut at Content-Length"


@pytest.mark.parametrize("file", ["open(PATH, 'rb')", "Closing(open(PATH, 'rb'))"])
def test_shorter_than_announced(given: Given, path: str, file: str) -> None:
    mark = given.server.mark()
    answer = given.get(sending(file.replace("PATH", repr(path)), len(CONTENT) + 1))
    assert not answer.complete and answer.body == CONTENT
    given.server.wait_log("shorter than its Content-Length", since=mark)


def test_head(given: Given, path: str) -> None:
    for kind in ("buffered", "unbuffered", "in memory", "without descriptor"):
        file = FILES[kind].replace("PATH", repr(path))
        answer = given.request("HEAD", sending(file, len(CONTENT)))
        assert answer.get("Content-Length") == str(len(CONTENT)), kind
    unknown = given.request("HEAD", sending(f"open({path!r}, 'rb')"))
    assert unknown.get("Content-Length") == str(len(CONTENT)), "the file's size"


def test_close_is_called_once(given: Given, path: str) -> None:
    given.shared("closed")  # what other tests left
    for file in (f"Closing(open({path!r}, 'rb'))", f"Counted({path!r})"):
        for method in ("GET", "HEAD"):
            assert given.request(method, sending(file, 10)).status == 200
            assert given.shared("closed") == 1, (method, file)
    failing = sending(f"Closing(open({path!r}, 'wb'))")
    mark = given.server.mark()
    assert given.get(failing).status == 500
    given.server.wait_log("UnsupportedOperation", since=mark)
    assert given.shared("closed") == 1
    without = sending("type('Readable', (), {'read': lambda self, size: b''})()")
    assert given.get(without).body == b"", "a close() is not needed"


def test_files_are_closed_when_the_client_left(given: Given, path: str) -> None:
    with open(path, "ab") as file:
        file.truncate(64 << 20)
    target = given.target(sending(f"Counted({path!r})"))
    given.shared("closed")
    with given.server.connect() as connection:
        connection.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.read_until(b"\r\n\r\n")
    wait_for(lambda: given.shared("closed") == 1, "close()")
    plain = given.target(sending(f"open({path!r}, 'rb')"))
    with given.server.connect() as connection:
        connection.send(f"GET {plain} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.read_until(b"\r\n\r\n")
    worker = given.server.workers()[1]
    wait_for(lambda: path not in worker.descriptors.values(), "the end of every use of the file")


def test_mistakes(given: Given, path: str) -> None:
    for file, says in (
        (f"os.fdopen(os.open({path!r}, os.O_WRONLY), 'wb', buffering=0)", "UnsupportedOperation: "),
        (f"open({path!r}, encoding='latin-1')", "TypeError: .*bytes, not str"),
        (f"open({path!r}, 'wb')", "UnsupportedOperation: "),  # it is empty from here on
        ("io.StringIO('text')", "TypeError: .*bytes, not str"),
        ("object()", "AttributeError: .*read"),
        ("None", "AttributeError: .*read"),
    ):
        mark = given.server.mark()
        answer = given.get(sending(file))
        assert answer.status == 500, file
        given.server.wait_log(f"^(io.)?{says}", since=mark)
    mark = given.server.mark()
    assert given.get(sending("io.BytesIO()", block=", 'many'")).status == 500
    given.server.wait_log("^TypeError", since=mark)


def test_its_face(given: Given, path: str) -> None:
    """What wsgiref's own has, which apps look at: filelike, blksize; and iteration by blocks."""
    source = f"""
        import io

        def app(environ, start_response):
            wrap = environ["wsgi.file_wrapper"]
            plain = wrap(io.BytesIO(b"x" * 50000))
            sized = wrap(filelike=io.BytesIO(b"abc"), blksize=2)
            assert isinstance(plain, wrap) and iter(plain) is plain
            assert sized.blksize == 2 and sized.filelike.tell() == 0
            assert list(sized) == [b"ab", b"c"]
            sizes = [len(block) for block in plain]
            sized.close()
            assert sized.filelike.closed
            {START_TEXT}
            return [repr(sizes).encode()]
        """
    assert given.get(source).text == "[32768, 17232]"
    wrapped_twice = f"""
        def app(environ, start_response):
            {START_TEXT}
            wrap = environ["wsgi.file_wrapper"]
            return iter(list(wrap(open({path!r}, "rb"), 1000)))
        """
    assert given.get(wrapped_twice).body == CONTENT


def test_behind_write(given: Given, path: str) -> None:
    for file in (f"open({path!r}, 'rb')", f"Closing(open({path!r}, 'rb'))"):
        source = sending(file, 1000, "").replace("start_response(", "write = start_response(", 1)
        source = source.replace("file = ", "write(b'0123456789'); file = ", 1)
        assert given.get(source).body == b"0123456789" + CONTENT[:990]

"""Several apps by their paths: options, dicts in code, and what does not load."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Options = dict[str, Any]

APP = "def application(environ, start_response):\n    return [b'{}']\n"


class Failed(BaseException):
    """What need-app makes of a failure."""


def load(options: Options, reports: list[str] | None = None, **changes: Any) -> Any:
    from mewsgi import _apps

    options.update({key.replace("_", "-"): value for key, value in changes.items()})

    def refuse(text: str) -> None:
        raise Failed(text)

    return _apps.load(options, refuse if reports is None else reports.append)


def answers(apps: Any) -> dict[str, str]:
    return {prefix: app({}, None)[0].decode() for prefix, app in apps.mounts}


@pytest.fixture
def three(site: Path) -> Path:
    (site / "one_app.py").write_text(APP.format("one"))
    (site / "two_app.py").write_text(
        APP.format("two") + "def other(e, s):\n    return [b'other']\n"
    )
    (site / "folder").mkdir()
    (site / "folder/three.wsgi").write_text(APP.format("three"))
    return site


def test_without_mounts_there_is_one(options: Options, three: Path) -> None:
    apps = load(options, module="one_app")
    assert apps.default({}, None) == [b"one"] and apps.mounts == []
    assert apps.about == "app one_app:application"


def test_every_form(options: Options, three: Path) -> None:
    apps = load(
        options,
        module="one_app",
        mount=[
            "/two=two_app",
            "/other/=two_app:other",
            "/three=folder/three.wsgi",
            "/by/file=two_app.py:other",
        ],
    )
    assert answers(apps) == {
        "/two": "two", "/other": "other", "/three": "three", "/by/file": "other", "": "one",
    }  # fmt: skip
    assert apps.names[:2] == ["one_app:application", "two_app:application at /two"]


def test_root_may_be_a_mount(options: Options, three: Path) -> None:
    apps = load(options, mount=["/=one_app", "/two=two_app"])
    assert answers(apps) == {"": "one", "/two": "two"} and apps.default is None


def test_without_one_for_the_rest(options: Options, three: Path) -> None:
    assert answers(load(options, mount=["/two=two_app"])) == {"/two": "two"}


def test_callable_is_that_of_every_app(options: Options, three: Path) -> None:
    assert answers(load(options, callable="other", mount=["/t=two_app"])) == {"/t": "other"}


def test_an_app_at_two_paths_is_loaded_once(options: Options, site: Path) -> None:
    (site / "counted.py").write_text(
        "import builtins\nbuiltins.times = getattr(builtins, 'times', 0) + 1\n"
        "def app(e, s):\n    return [str(times).encode()]\n"
    )
    apps = load(options, mount=["/a=counted.py", "/b=counted.py"])
    assert answers(apps) == {"/a": "1", "/b": "1"}
    assert apps.mounts[0][1] is apps.mounts[1][1]


@pytest.mark.parametrize(
    ("mount", "part"),
    [
        ("/x=no_such_app", "the app mounted at /x did not load: there is no module no_such_app"),
        ("/x=no/file.py", "the app mounted at /x did not load: mount = no/file.py: No such file"),
        ("/x=one_app:none", "mounted at /x did not load: one_app has no `none`"),
        ("/x=not a name", "mount = not a name is no module name"),
        ("/x=broken_app", "the app mounted at /x did not load: ZeroDivisionError while"),
        ("/x=leaving_app", "the app mounted at /x called sys.exit(3)"),
    ],
)
def test_failures_name_the_mount(options: Options, three: Path, mount: str, part: str) -> None:
    (three / "broken_app.py").write_text("1 / 0\n")
    (three / "leaving_app.py").write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(Failed) as caught:
        load(options, module="one_app", mount=[mount])
    assert part in str(caught.value)


def test_the_others_load_all_the_same(options: Options, three: Path) -> None:
    reports: list[str] = []
    apps = load(
        options, reports, module="gone_app", mount=["/x=also_gone", "/two=two_app", "/y=gone.py"]
    )
    assert len(reports) == 3 and apps.failed
    mounts = dict(apps.mounts)
    assert mounts["/x"] is mounts["/y"] is mounts[""] is None
    assert mounts["/two"]({}, None) == [b"two"]


def test_applications_of_the_module(options: Options, three: Path) -> None:
    (three / "several.py").write_text(
        "from one_app import application as one\n"
        "applications = {'/': one, '/two/': 'two_app', '/other': 'two_app:other'}\n"
    )
    apps = load(options, module="several")
    assert answers(apps) == {"": "one", "/two": "two", "/other": "other"}
    assert "two_app:other at /other" in apps.names


def test_a_named_callable_wins_over_applications(options: Options, three: Path) -> None:
    (three / "both.py").write_text("applications = {'/': 1}\ndef app(e, s):\n    return [b'app']\n")
    apps = load(options, module="both:app")
    assert apps.default({}, None) == [b"app"] and apps.mounts == []


def test_applications_of_uwsgi(
    options: Options, three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    uwsgi = ModuleType("uwsgi")
    uwsgi.applications = None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)
    (three / "setting.py").write_text(
        "import uwsgi\nimport two_app\nuwsgi.applications = {'/two': two_app.application}\n"
        "def app(e, s):\n    return [b'mine']\n"
    )
    assert answers(load(options, module="setting")) == {"/two": "two", "": "mine"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{'/x': 3}", "/x is not callable: an int"),
        ("{'x': 'two_app'}", "'x' does not begin with a slash"),
        ("{'/x': 'two_app', '/x/': 'two_app'}", "/x/ has an app already"),
        ("{3: 'two_app'}", "3 does not begin with a slash"),
    ],
)
def test_wrong_dicts(options: Options, three: Path, text: str, part: str) -> None:
    (three / "wrong_dict.py").write_text(f"applications = {text}\n")
    with pytest.raises(Failed) as caught:
        load(options, module="wrong_dict")
    assert part in str(caught.value)

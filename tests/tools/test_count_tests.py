"""The line of numbers at the end of a test run adds up what the reports hold."""

from pathlib import Path

import pytest

from tools import count_tests

CTEST = """<testsuite><testcase name="a" status="run"/>
<testcase name="b" status="fail"><failure message=""/></testcase>
<testcase name="c" status="notrun"><skipped message="GTEST_SKIP"/></testcase></testsuite>"""
PYTEST = """<testsuites><testsuite><testcase name="a"/><testcase name="b"/>
<testcase name="c"><error message="fixture"/></testcase></testsuite></testsuites>"""


def test_adds_up_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ctest-dev.xml").write_text(CTEST)
    (tmp_path / "pytest.xml").write_text(PYTEST)
    assert count_tests.main(str(tmp_path)) == 0
    assert capsys.readouterr().out == "3 passed, 2 failed, 1 skipped\n"


def test_a_run_without_tests_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pytest.xml").write_text("<testsuites><testsuite/></testsuites>")
    assert count_tests.main(str(tmp_path)) == 1
    assert capsys.readouterr().out == "0 passed, 0 failed, 0 skipped\n"


def test_a_report_cut_short_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ctest-dev.xml").write_text(CTEST[:60])
    count_tests.main(str(tmp_path))
    assert capsys.readouterr().out == "0 passed, 1 failed, 0 skipped\n"


def test_a_name_may_be_longer_than_a_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pytest.xml").write_text(
        f'<testsuites><testsuite><testcase name="{"x" * 1000}"/></testsuite></testsuites>'
    )
    assert count_tests.main(str(tmp_path)) == 0
    assert capsys.readouterr().out == "1 passed, 0 failed, 0 skipped\n"


GTEST = """<testsuites><testsuite>
<testcase name="one" status="run"/><testcase name="two" status="run"/>
<testcase name="left out by a filter" status="notrun"/>
<testcase name="three" status="run"><skipped message=""/></testcase>
{more}</testsuite></testsuites>"""


def ctest_of_one_program(folder: Path, outcome: str, more: str) -> None:
    (folder / "ctest-dev.xml").write_text(
        f'<testsuite><testcase name="net_test">{outcome}</testcase></testsuite>'
    )
    (folder / "ctest-dev").mkdir()
    (folder / "ctest-dev/net_test.xml").write_text(GTEST.format(more=more))


@pytest.mark.parametrize(
    ("outcome", "more", "line"),
    [
        ("", "", "2 passed, 0 failed, 1 skipped"),
        (
            "<failure/>",
            '<testcase name="bad" status="run"><failure/></testcase>',
            "2 passed, 1 failed, 1 skipped",
        ),
        ("<failure/>", "", "2 passed, 1 failed, 1 skipped"),  # a leak: every test had passed
    ],
)
def test_the_program_s_own_report_stands_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outcome: str, more: str, line: str
) -> None:
    ctest_of_one_program(tmp_path, outcome, more)
    count_tests.main(str(tmp_path))
    assert capsys.readouterr().out == line + "\n"

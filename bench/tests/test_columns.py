"""Percentiles by the nearest rank, and the small table."""

from measure.columns import milliseconds, percentile, table


def test_percentiles_are_values_that_occurred():
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, of) for of in (0, 1, 50, 99, 99.5, 100)] == [1, 1, 50, 99, 100, 100]
    assert percentile([], 50) == 0.0
    assert percentile([7.0], 99) == 7.0


def test_names_and_notes_to_the_left_numbers_to_the_right():
    text = table(["name", "n", "note"], [["a", "1,000", "x"], ["long name", "2", ""]])
    assert text.splitlines() == [
        "name           n  note",
        "a          1,000  x",
        "long name      2",
    ]


def test_milliseconds():
    assert milliseconds(1.5) == "1,500.00"

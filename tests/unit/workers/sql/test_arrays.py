"""Tests arrays as PostgreSQL reads them; what it makes of them is seen where users are found."""

import pytest

from workers.sql.arrays import id_array, number_array, text_array


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([], "{}"),
        ([""], '{""}'),
        (["a", "NULL", ""], '{"a","NULL",""}'),
        (["a,b", "{c}", "d e"], '{"a,b","{c}","d e"}'),
        (['"', "\\", '\\"'], r'{"\"","\\","\\\""}'),
        (['a","b', "c"], r'{"a\",\"b","c"}'),
        ([text_array(["x", '"'])], r'{"{\"x\",\"\\\"\"}"}'),
    ],
)
def test_texts_are_quoted_and_an_array_in_an_array_is_a_text(
    values: list[str], written: str
) -> None:
    assert text_array(values) == written


@pytest.mark.parametrize(
    ("ids", "written"),
    [
        ([], "{}"),
        (["38400000-8cf0", "b"], "{38400000-8cf0,b}"),
        (["null"], '{"null"}'),
        (["a b"], '{"a b"}'),
        (["-"], '{"-"}'),
        (["a,b", "c"], '{"a,b","c"}'),
    ],
)
def test_ids_are_quoted_where_one_of_them_needs_it(ids: list[str], written: str) -> None:
    assert id_array(ids) == written


def test_numbers_are_written_as_they_are() -> None:
    assert number_array([1, -2, 3]) == "{1,-2,3}"

from io import BytesIO

from shared.imports.line_reader import BLANK_LINES_MAX, LINE_BYTES_MAX, FileLine, file_lines


def lines(content: bytes) -> list[FileLine]:
    return list(file_lines(BytesIO(content)))


def test_lines_are_numbered_from_one_with_the_blank_ones() -> None:
    assert lines(b"a\n\n  \r\nb\r\nc") == [
        FileLine(1, b"a", 2),
        FileLine(4, b"b", 10),
        FileLine(5, b"c", 11),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert lines(b"\xef\xbb\xbfa\n")[0].text == b"a"


def test_a_line_as_long_as_is_allowed_is_read() -> None:
    longest = b"x" * (LINE_BYTES_MAX - 1) + b"\n"

    assert lines(longest + b"a\n") == [
        FileLine(1, longest.strip(), LINE_BYTES_MAX),
        FileLine(2, b"a", LINE_BYTES_MAX + 2),
    ]


def test_a_line_that_is_too_long_is_skipped_and_the_next_one_read() -> None:
    content = b"x" * (3 * LINE_BYTES_MAX) + b"\na\n"

    long, next_line = lines(content)

    assert (long.number, long.text) == (1, None)
    assert next_line == FileLine(2, b"a", len(content))


def test_a_file_without_an_end_of_line_is_one_line_that_is_too_long() -> None:
    content = b"x" * (2 * LINE_BYTES_MAX)

    assert lines(content) == [FileLine(1, None, len(content))]


def test_an_empty_file_has_no_lines() -> None:
    assert lines(b"") == []


def test_a_file_of_blank_lines_is_passed_over_in_steps() -> None:
    content = b"\n" * (2 * BLANK_LINES_MAX + 1) + b"a\n"

    assert lines(content) == [
        FileLine(BLANK_LINES_MAX, b"", BLANK_LINES_MAX),
        FileLine(2 * BLANK_LINES_MAX, b"", 2 * BLANK_LINES_MAX),
        FileLine(2 * BLANK_LINES_MAX + 2, b"a", len(content)),
    ]

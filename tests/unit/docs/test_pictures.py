"""The page of pictures shows every picture there is, wide and on a phone, in light and dark."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
KILOBYTES_MAX = 4_000  # of all pictures: every clone of the repository has them


def test_every_picture_is_shown_and_every_one_that_is_shown_is_there() -> None:
    shown = re.findall(r'(?:src|srcset)="(pictures/[^"]+)"', (DOCS / "console.md").read_text())

    assert len(shown) == len(set(shown))
    assert set(shown) == {f"pictures/{file.name}" for file in DOCS.glob("pictures/*")}


def test_every_page_has_its_four() -> None:
    variants: dict[str, set[str]] = {}
    for file in DOCS.glob("pictures/*.png"):
        name, size, scheme = file.stem.rsplit("-", 2)
        variants.setdefault(name, set()).add(f"{size}-{scheme}")

    assert variants
    for name, made in variants.items():
        assert made == {"wide-light", "wide-dark", "phone-light", "phone-dark"}, name


def test_they_are_small() -> None:
    total = sum(file.stat().st_size for file in DOCS.glob("pictures/*"))

    assert total < KILOBYTES_MAX * 1_000

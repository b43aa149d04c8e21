"""Tests that the amounts of a row have the decimal places that amounts are sent with."""

from decimal import Decimal

import pytest

from console.reports.figures import Figures


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("0", "0.000000"),
        ("12.5", "12.500000"),
        ("-0.0000004", "0.000000"),
        ("1.00000050000001", "1.000001"),
        ("99999999999999999999999999999.5", "99999999999999999999999999999.500000"),
    ],
)
def test_each_amount_has_six_decimal_places_once_it_is_rounded(amount: str, written: str) -> None:
    number = Decimal(amount)
    figures = Figures(
        installs=1,
        revenue=number,
        ad_revenue=number,
        value=number,
        cost=number,
        originals={"USD": (number, number)},
        unconverted={"XAU": (number, number)},
        cost_originals={"USD": number},
        cost_unconverted={"XAU": number},
    ).rounded()

    amounts = [
        *(figures.revenue, figures.ad_revenue, figures.value, figures.cost),
        *(*figures.originals["USD"], *figures.unconverted["XAU"]),
        *(figures.cost_originals["USD"], figures.cost_unconverted["XAU"]),
    ]
    assert [str(each) for each in amounts] == [written] * len(amounts)


def test_figures_of_nothing_have_six_decimal_places_too() -> None:
    figures = Figures()

    assert [str(each) for each in (figures.revenue, figures.ad_revenue, figures.value)] == [
        "0.000000"
    ] * 3

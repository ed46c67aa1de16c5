"""Numbers in forms: read by the browser's locale or refused, never as something else."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from babel import Locale
from babel.numbers import format_decimal
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import InputError
from tests.web.conftest import Client
from tests.web.demo_app import DemoApp
from web.components.amounts import format_quantity, money
from web.number_input import (
    ENGLISH,
    read_number,
    read_positive,
    read_whole,
    style_of,
    write_number,
)

LOCALES = (
    "en-US", "en-GB", "en-IN", "en-ZA", "de", "de-AT", "de-CH", "fr", "fr-CH", "it", "es", "es-MX",
    "pt-BR", "pt-PT", "nl", "sv", "nb", "da", "fi", "pl", "cs", "ru", "uk", "tr", "el", "bg", "hu",
    "ar", "ar-EG", "ar-MA", "fa", "he", "hi", "mr", "ja", "zh-CN", "ko", "vi", "th",
)  # fmt: skip
TEMPLATES = Path(__file__).parents[2] / "web"
numbers = st.floats(-1e12, 1e12) | st.decimals(-(10**9), 10**9, places=3).map(float)


def read(text: str, language: str) -> float | str:
    """The number, or why it is refused."""
    try:
        return read_number("Amount", text, style_of(language))
    except InputError as refusal:
        return str(refusal)


@pytest.mark.parametrize(
    ("language", "text", "number"),
    [
        ("de", "2,5", 2.5), ("de", "1.234,5", 1234.5), ("de", "1.000", 1000), ("de", "1.5", 1.5),
        ("en", "2.5", 2.5), ("en", "1,234.5", 1234.5), ("en", "1,000", 1000), ("en", "1,5", 1.5),
        ("fr", "1 000,5", 1000.5), ("fr", "1\u202f000,5", 1000.5), ("fr", "1\u00a0000", 1000),
        ("de-CH", "1'000.5", 1000.5), ("de-CH", "1’000.5", 1000.5), ("en", "1'000", 1000),
        ("ar-EG", "١٢", 12), ("ar-EG", "١٬٢٣٤٫٥", 1234.5), ("en", "１２", 12),
        ("en-IN", "1,00,000", 100_000), ("en", "1.000.000", 1e6), ("de", "1,000,000", 1e6),
        ("fr", "0.125", 0.125), ("de", "0,125", 0.125), ("de", "1234.125", 1234.125),
        ("en", "1.125", 1.125), ("en", "-1.250", -1.25), ("de-CH", "1.000", 1),
        ("en", ".5", 0.5), ("de", "1e3", 1000), ("en", "-5", -5), ("en", "−5", -5), ("en", "+5", 5),
    ],
)  # fmt: skip
def test_what_can_mean_only_one_number_is_read(language: str, text: str, number: float) -> None:
    assert read(text, language) == number
    assert read(f"  {text}\t", language) == number


@pytest.mark.parametrize(
    ("language", "text", "remedy"),
    [
        ("de", "1,000", "can mean two numbers. Enter 1 or 1000."),
        ("de", "1,125", "can mean two numbers. Enter 1,1250 or 1125."),
        ("fr", "1.000", "can mean two numbers. Enter 1 or 1000."),
        ("fr", "-1.250", "can mean two numbers. Enter -1,25 or -1250."),
        ("en", "ten", "is not a number. Enter a number such as 2.5."),
        ("de", "zehn", "is not a number. Enter a number such as 2,5."),
        ("en", "5 %", "has a % sign. Enter the number alone, such as 5."),
        ("en", "1e999", "is too large. Enter a number such as 2.5."),
        ("de", "", "Nothing is given. Enter a number such as 2,5."),
        *(
            ("en", odd, "is not a number")
            for odd in ("NaN", "inf", "1_000", "²", "1 5", "5.", "1.2.3", "0x1f", "1,5e3", "$5")
        ),
    ],
)
def test_everything_else_is_refused_with_an_example_in_the_own_locale(
    language: str, text: str, remedy: str
) -> None:
    result = read(text, language)
    assert isinstance(result, str)
    assert result.startswith("Amount: ")
    assert remedy in result


def written(number: float, language: str, grouped: bool) -> str:
    """`number` as Babel writes it; it groups Swiss numbers only once, so those are written here."""
    locale = Locale.parse(language, sep="-")
    if language.endswith("-CH"):
        style = style_of(language)
        text = f"{Decimal(repr(number)):,f}".replace(",", "_" if grouped else "")
        return text.replace(".", style.decimal).replace("_", style.group)
    return format_decimal(
        number,
        locale=locale,
        decimal_quantization=False,
        group_separator=grouped,
        numbering_system="default",
    )


@given(numbers, st.sampled_from(LOCALES), st.booleans())
@example(1.125, "de", True)
@example(1e9, "de-CH", True)
@example(1000.0, "de", True)
@example(100_000.0, "fr", True)
def test_a_number_in_the_writing_of_a_locale_is_read_back_or_refused(
    number: float, language: str, grouped: bool
) -> None:
    text = written(number, language, grouped)
    result = read(text, language)
    if isinstance(result, str):
        assert "can mean two numbers" in result
        assert re.fullmatch(r"\D*\d{1,3}[.,]\d{3}\D*", text)
    else:
        assert result == number


@given(numbers.map(abs) | st.floats(1e-9, 1e12), st.sampled_from(LOCALES))
@example(1.125, "de")
def test_a_number_that_a_page_fills_in_is_read_back_in_every_locale(
    number: float, language: str
) -> None:
    assert read(write_number(number), language) == number
    assert read(write_number(number, 12), language) == float(f"{number:.12g}")


@given(st.floats(0, 1e9).map(lambda number: round(number, 3)), st.sampled_from(LOCALES))
@example(1.125, "de")
@example(1125.0, "de")
def test_a_number_that_is_copied_from_a_page_is_read_as_shown_or_refused(
    number: float, language: str
) -> None:
    for text, shown in ((format_quantity(number), number), (money(number), float(f"{number:.2f}"))):
        result = read(text, language)
        assert result == shown or "can mean two numbers" in str(result)


@given(st.text() | st.floats().map(str) | st.from_regex(r"[-+0-9.,' ٫٬eE]{1,12}", fullmatch=True))
@example("1.000")
@example("12,345")
def test_only_a_lone_separator_before_three_digits_depends_on_the_language(text: str) -> None:
    readings = {result for each in LOCALES if not isinstance(result := read(text, each), str)}
    assert len(readings) <= 1 or re.fullmatch(r"\D*\d{1,3}[.,]\d{3}\D*", text)


def test_a_whole_number_has_no_fraction_and_a_positive_one_no_minus() -> None:
    assert read_whole("Seed", "1,000", ENGLISH) == 1000
    assert read_whole("Seed", "1e3", ENGLISH) == 1000
    for reader, text in (
        (read_whole, "2.5"),
        (read_whole, "1e300"),
        (read_positive, "0"),
        (read_positive, "-5"),
    ):
        with pytest.raises(InputError, match=re.escape(repr(text))):
            reader("Seed", text, ENGLISH)


@pytest.mark.parametrize(
    ("header", "decimal"),
    [
        ("", "."), ("*", "."), ("de-DE,de;q=0.9,en;q=0.8", ","), ("en;q=0.5, de", ","),
        ("en-US", "."), ("xx-nowhere, fr;q=0.1", ","), ("../../etc, de;q=odd", "."),
        ("de-CH-1996", "."), ("en-DE", ","), (";;,=,q", "."),
    ],
)  # fmt: skip
def test_the_style_is_of_the_first_known_language_of_the_browser(header: str, decimal: str) -> None:
    assert style_of(header).decimal == decimal


def test_every_field_is_text_so_that_no_browser_rewrites_what_was_typed() -> None:
    pages = {path.name: path.read_text() for path in TEMPLATES.rglob("*.html")}
    assert [name for name, page in pages.items() if 'type="number"' in page] == []


GERMAN = {"accept-language": "de-DE,de;q=0.9,en;q=0.8"}
TICKET = {"symbol": "AAPL", "side": "buy", "kind": "limit", "quantity": "1,5", "limit": "150,25"}


def test_a_german_ticket_is_read_confirmed_and_amended_with_decimal_commas(
    client: Client, demo_app: DemoApp
) -> None:
    page = client.post("/trade/preview", data={**TICKET, "term": "gtc"}, headers=GERMAN).text
    assert (
        'id="t-quantity" name="quantity" inputmode="decimal" autocomplete="off" value="1,5"' in page
    )
    confirm = re.search(r'<form[^>]*action="/trade".*?</form>', page, re.DOTALL)
    assert confirm is not None
    fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', confirm[0]))
    client.post("/trade", data=fields, headers=GERMAN)
    (line,) = demo_app.services().blotter.orders()
    assert (line.order.quantity, line.order.limit_price) == (1.5, 150.25)
    amended = {"quantity": "2,25", "limit": "150.25"}
    client.post(f"/orders/{line.order.id}/amend", data=amended, headers=GERMAN)
    assert demo_app.services().blotter.order(line.order.id).order.quantity == 2.25


def test_an_unclear_quantity_is_refused_beside_its_field_and_stays_as_typed(
    client: Client, demo_app: DemoApp
) -> None:
    typed = {**TICKET, "quantity": "1,000"}
    answer = client.post("/trade/preview", data=typed, headers=GERMAN)
    assert answer.status_code == 422
    assert "can mean two numbers. Enter 1 or 1000." in answer.text
    assert 'value="1,000"' in answer.text


def test_an_address_fills_in_a_ticket_that_every_locale_reads_alike(client: Client) -> None:
    page = client.get("/trade?symbol=AAPL&quantity=1.125", headers=GERMAN).text
    assert 'value="1.1250"' in page


def test_money_is_moved_by_the_amount_that_was_meant(client: Client, demo_app: DemoApp) -> None:
    before = demo_app.account_service().account().cash
    client.post("/account/deposit", data={"amount": "1.000,50"}, headers=GERMAN)
    assert demo_app.account_service().account().cash == pytest.approx(before + 1000.5)
    refused = client.post("/account/deposit", data={"amount": "1,000"}, headers=GERMAN)
    assert refused.status_code == 422
    assert demo_app.account_service().account().cash == pytest.approx(before + 1000.5)

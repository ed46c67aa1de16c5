"""Text from outside made safe to keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.text import clean_text, clean_url, mentions_company


@given(st.text(), st.integers(1, 50))
def test_cleaned_text_is_one_printable_line_no_longer_than_requested(text, length):
    cleaned = clean_text(text, length)
    assert len(cleaned) <= length
    assert cleaned.isprintable()
    assert clean_text(cleaned, length) == cleaned


def test_markup_is_kept_as_text_and_what_hides_or_turns_text_is_removed():
    assert clean_text("<b>A</b>\x00\u202e\u200bB\n\tC", 50) == "<b>A</b>B C"


@pytest.mark.parametrize("nothing", [None, float("nan"), 7, ""])
def test_what_is_no_text_is_empty(nothing):
    assert clean_text(nothing, 10) == clean_url(nothing) == ""


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "https://x y", 'https://x"y', "ftp://x"]
)
def test_only_web_addresses_are_kept(address):
    assert clean_url("https://example.com/a?b=c#d") == "https://example.com/a?b=c#d"
    assert clean_url(address) == ""


@pytest.mark.parametrize(
    ("text", "symbol", "company", "named"),
    [
        ("Apple unveils a phone", "AAPL", "Apple Inc.", True),
        ("AAPL hits a record", "AAPL", "Apple Inc.", True),
        ("Pineapple prices rise", "AAPL", "Apple Inc.", False),
        ("JPMorgan raises its outlook", "JPM", "JPMorgan Chase & Co.", True),
        ("Walt Disney to cut costs", "DIS", "The Walt Disney Company", True),
        ("Meta sued", "META", "Meta Platforms, Inc.", True),
        ("A Ford F-150 was recalled", "F", "Ford Motor Company", True),
        ("The F word", "F", "Friendly Motors", False),
        ("Friday's movers: $F, $T", "F", "Friendly Motors", True),
        ("American stocks fall", "AAL", "American Airlines Group, Inc.", False),
        ("Bitcoin slides", "BTC-USD", "Bitcoin USD", True),
        ("Something else", "XYZ", "", False),
    ],
)
def test_a_headline_names_a_company_by_symbol_or_name(text, symbol, company, named):
    assert mentions_company(text, symbol, company) is named

"""Corrections cure what is withheld, beside the stored bars, and can be taken back."""

from datetime import UTC, datetime
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InputError
from domain.timeframe import Timeframe
from market.corrections import CorrectionKind, to_frame
from market.quality.repair import Proposal, correct_days, propose_repairs
from market.quality.review import review_bars
from market.series import BarSeries, build_symbol_series, read_judged_bars, read_series
from tests.market.memory_store import MemoryMarketDataStore
from tests.market.test_bar_filter import DAYS, PRICES, ROW, quiet

END = datetime(2024, 1, 1, tzinfo=UTC)


def stored(bars: pd.DataFrame) -> MemoryMarketDataStore:
    store = MemoryMarketDataStore()
    store.put_bars("files", "AAPL", Timeframe.D1, bars)
    return store


def read(store: MemoryMarketDataStore) -> BarSeries:
    [series] = read_series(store, "files", ["AAPL"], Timeframe.D1, END)
    return series


def proposals(store: MemoryMarketDataStore) -> list[Proposal]:
    bars = store.bars("files", "AAPL", Timeframe.D1)
    return propose_repairs(bars, partial(build_symbol_series, bars, "AAPL", Timeframe.D1, END))


def repaired(bars: pd.DataFrame) -> BarSeries:
    store = stored(bars)
    found = [proposal.correction for proposal in proposals(store)]
    store.put_corrections("files", "AAPL", Timeframe.D1, to_frame(found))
    return read(store)


def assert_same_bars(one: BarSeries, other: BarSeries) -> None:
    assert not len(one.withheld.at)
    for name in ("open", "high", "low", "close", "volume", "factor"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9)


@pytest.mark.parametrize("factor", [100.0, 0.01])
@pytest.mark.parametrize("count", [1, 3, 40])
def test_another_unit_is_multiplied_back(factor: float, count: int) -> None:
    bars = quiet()
    expected = read(stored(bars.copy()))
    bars.loc[ROW : ROW + count - 1, PRICES] *= factor
    [proposal] = proposals(stored(bars))
    assert proposal.correction.kind is CorrectionKind.UNIT
    assert proposal.bars == count
    assert_same_bars(repaired(bars), expected)


def test_a_unit_of_the_first_bars_is_brought_to_that_of_the_many_after_them() -> None:
    bars = quiet()
    expected = read(stored(bars.copy()))
    bars.loc[:2, PRICES] *= 0.01
    [proposal] = proposals(stored(bars))
    assert proposal.bars == 3
    assert_same_bars(repaired(bars), expected)


@pytest.mark.parametrize("ratio", [4.0, 1.5, 20.0, 0.1])
@pytest.mark.parametrize("adjusted", [True, False])
def test_bars_before_a_split_are_brought_to_todays_units(ratio: float, adjusted: bool) -> None:
    bars = quiet(sigma=0.006)
    expected = read(stored(bars.copy()))
    bars.loc[: ROW - 1, PRICES[: 4 if adjusted else 5]] *= ratio
    bars.loc[: ROW - 1, "volume"] /= ratio
    assert_same_bars(repaired(bars), expected)


def test_a_slip_of_the_adjusted_close_is_taken_out() -> None:
    bars = quiet()
    expected = read(stored(bars.copy()))
    bars.loc[ROW : ROW + 2, "adj_close"] *= 1.2
    assert_same_bars(repaired(bars), expected)


def test_a_move_that_stays_is_offered_for_acceptance_and_then_counts() -> None:
    bars = quiet()
    bars.loc[ROW:, PRICES] *= 0.43
    [proposal] = proposals(stored(bars))
    assert proposal.correction.kind is CorrectionKind.ACCEPT
    series = repaired(bars)
    assert len(series.known_at) == len(DAYS)


def test_a_wrong_bar_that_is_over_needs_no_cure() -> None:
    bars = quiet()
    bars.loc[ROW, PRICES] *= 1.5
    assert proposals(stored(bars)) == []


SPOILED = st.lists(
    st.tuples(
        st.integers(0, len(DAYS) - 1),
        st.integers(1, 30),
        st.sampled_from([100.0, 0.01, 1.3, 2.0, 0.1, 0.5, 4.0]),
        st.sampled_from([PRICES, PRICES[:4], ["adj_close"], ["close"]]),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), spoiled=SPOILED)
def test_every_proposal_leaves_fewer_bars_out_and_storing_them_does_as_they_say(
    seed: int, spoiled: list[tuple[int, int, float, list[str]]]
) -> None:
    bars = quiet(seed)
    for row, count, factor, fields in spoiled:
        bars.loc[row : row + count - 1, fields] *= factor
    store = stored(bars)
    left_out = len(read(store).withheld.at)
    for proposal in proposals(store):
        store.put_corrections("files", "AAPL", Timeframe.D1, to_frame([proposal.correction]))
        after = len(read(store).withheld.at)
        assert after < left_out
        left_out = after


def test_days_can_be_accepted_and_left_out_by_hand() -> None:
    bars = quiet()
    bars.loc[ROW, PRICES] *= 1.5
    store = stored(bars)
    day = f"{DAYS[ROW]:%Y-%m-%d}"
    for kind, there in ((CorrectionKind.ACCEPT, True), (CorrectionKind.LEAVE_OUT, False)):
        found = [each.correction for each in correct_days(bars, kind, [day])]
        store.put_corrections("files", "AAPL", Timeframe.D1, to_frame(found))
        closed = read(store).known_at.astype("datetime64[D]")
        assert bool(np.isin(np.datetime64(day), closed)) is there


@pytest.mark.parametrize(("day", "words"), [("soon", "is not a date"), ("2023-01-01", "No bar")])
def test_a_day_that_cannot_be_is_refused(day: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        list(correct_days(quiet(), CorrectionKind.ACCEPT, [day]))


def test_what_is_undone_leaves_no_trace() -> None:
    bars = quiet()
    bars.loc[ROW : ROW + 2, PRICES] *= 100
    store = stored(bars)
    before = read(store)
    found = [proposal.correction for proposal in proposals(store)]
    store.put_corrections("files", "AAPL", Timeframe.D1, to_frame(found))
    assert not len(read(store).withheld.at)
    store.put_corrections("files", "AAPL", Timeframe.D1, to_frame(found, undone=True))
    after = read(store)
    assert np.array_equal(after.close, before.close)
    assert np.array_equal(after.withheld.at, before.withheld.at)


def test_a_split_that_the_adjusted_close_knows_is_recognised_at_once_and_two_are() -> None:
    bars = quiet(sigma=0.006)
    expected = read(stored(bars.copy()))
    for row, ratio in ((150, 3.0), (ROW, 4.0)):
        bars.loc[: row - 1, PRICES[:4]] *= ratio
        bars.loc[: row - 1, "volume"] /= ratio
    store = stored(bars)
    told = list(review_bars(store, "files", ["AAPL"], Timeframe.D1, END))
    assert len(told) == 2
    assert f"bars before {DAYS[ROW]:%Y-%m-%d} are not adjusted for a split of 4 for 1" in "".join(
        told
    )
    assert_same_bars(read(store), expected)


def test_what_is_left_out_is_told_with_the_remedy() -> None:
    bars = quiet()
    bars.loc[ROW : ROW + 2, PRICES] *= 0.01
    [told] = review_bars(stored(bars), "files", ["AAPL"], Timeframe.D1, END)
    assert "3 bars are left out" in told
    assert "quorum repair AAPL" in told


def test_bars_for_people_are_corrected_and_say_which_are_left_out() -> None:
    bars = quiet()
    expected = bars["close"].to_numpy().copy()
    bars.loc[ROW : ROW + 2, PRICES] *= 100
    store = stored(bars)
    shown = read_judged_bars(store, "files", "AAPL", Timeframe.D1, END)
    assert np.flatnonzero(shown["left_out"]).tolist() == [ROW, ROW + 1, ROW + 2]
    found = [proposal.correction for proposal in proposals(store)]
    store.put_corrections("files", "AAPL", Timeframe.D1, to_frame(found))
    shown = read_judged_bars(store, "files", "AAPL", Timeframe.D1, END)
    assert not shown["left_out"].any()
    np.testing.assert_allclose(shown["close"], expected)

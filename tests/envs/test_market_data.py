"""History to train on: aligned, refused where it is wrong, divided without overlap."""

import os
from datetime import date

import numpy as np
import pandas as pd
import pytest

from domain.errors import InputError
from envs.market_data import history, read_bars, select_symbols, split_periods
from envs.observation import WARMUP
from envs.simulated import simulate

BARS = simulate(1, symbols=2, days=200)


def test_bars_come_back_as_aligned_arrays():
    bars = BARS.drop(index=BARS[(BARS.symbol == "SIM01")].index[:50])
    market = history(bars.sample(frac=1.0, random_state=0), "made", simulated=True)
    assert market.symbols == ("SIM00", "SIM01")
    assert market.close.shape == (200, 2)
    assert np.isnan(market.close[:50, 1]).all()
    usable = market.usable
    assert usable.sum() == 200 + 150 - 2 * WARMUP
    assert not usable[: 50 + WARMUP, 1].any()
    assert (market.name, market.simulated) == ("made", True)


def test_adjusted_bars_are_traded_at_as_they_stand_and_one_closes_before_the_next_opens():
    matrix = history(BARS, "made").bar_matrix
    assert np.array_equal(matrix.close[:, 0], BARS[BARS.symbol == "SIM00"].close)
    assert not matrix.dividend.any()
    assert (matrix.opened_at[1:] > matrix.known_at[:-1]).all()
    assert np.isnan(matrix.volatility[0]).all()
    assert (matrix.volatility[-1] > 0).all()


def test_a_price_that_never_moves_is_not_traded():
    still = BARS.assign(open=10.0, high=10.0, low=10.0, close=10.0)
    assert not history(still, "still").usable.any()


def test_the_digest_names_the_bars_whatever_their_order():
    changed = BARS.assign(close=BARS.close.where(BARS.index != 7, BARS.close * 1.0001))
    assert history(BARS, "made").digest == history(BARS.iloc[::-1], "made").digest
    assert history(BARS, "made").digest != history(changed, "made").digest


def test_some_symbols_of_the_bars_are_as_if_there_were_no_others():
    pair = pd.concat([BARS, BARS[BARS.symbol == "SIM00"].assign(symbol="btc/usdt")])
    alone = history(select_symbols(pair, ["BTC-USDT"]), "made")
    assert alone.symbols == ("btc/usdt",)
    assert np.array_equal(alone.close[:, 0], history(BARS, "made").close[:, 0])
    assert select_symbols(pair, []) is pair
    with pytest.raises(InputError, match="hold nothing of ACME, only of BTC-USDT, SIM00, SIM01"):
        select_symbols(pair, ["SIM00", "ACME"])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_is_read_as_it_was_written(tmp_path, suffix):
    path = tmp_path / f"bars{suffix}"
    BARS.to_csv(path, index=False) if suffix == ".csv" else BARS.to_parquet(path)
    assert history(read_bars(path), "made").digest == history(BARS, "made").digest


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda bars: bars.drop(columns="volume"), "no column volume"),
        (lambda bars: pd.concat([bars, bars.iloc[[5]]]), "SIM01 on 2006-01-04 occurs twice"),
        (lambda bars: bars.assign(low=bars.low.where(bars.index != 4)), "impossible price"),
        (lambda bars: bars.assign(open=bars.open.where(bars.index != 4, -1)), "impossible price"),
        (lambda bars: bars.assign(high=bars.low, low=bars.high), "beyond its high or low"),
        (lambda bars: bars.assign(close=bars.high * 1.01), "beyond its high or low"),
        (lambda bars: bars.iloc[:20], "10 dates are too few"),
        (lambda bars: bars.iloc[:0], "hold no rows"),
        (lambda bars: bars.assign(date=20060102), "20060102 is a number and no date"),
        (lambda bars: bars.assign(date=bars.date.where(bars.index != 4)), "1 rows have no symbol"),
        (lambda bars: bars.assign(symbol=bars.symbol.where(bars.index > 4)), "5 rows have no sym"),
        (lambda bars: bars.assign(date="soon"), "a date or number that is none"),
        (lambda bars: bars.assign(close="dear"), "a date or number that is none"),
    ],
)
def test_impossible_bars_are_refused_by_name(spoil, message):
    with pytest.raises(InputError, match=message):
        history(spoil(BARS), "made")


def test_a_symbol_may_be_called_as_what_is_missing_often_is(tmp_path):
    path = tmp_path / "bars.CSV"
    BARS.assign(symbol=BARS.symbol.replace({"SIM00": "NA", "SIM01": "007"})).to_csv(path)
    assert history(read_bars(path), "made").symbols[:2] == ("007", "NA")


def test_prices_may_pass_each_other_by_as_much_as_rounding_leaves():
    rounded = BARS.assign(high=BARS[["open", "close"]].max(axis=1) * 0.9995)
    assert history(rounded, "made").usable.any()


def test_the_day_of_a_bar_is_the_exchanges():
    abroad = BARS.assign(date=pd.to_datetime(BARS.date).dt.tz_localize("Asia/Tokyo"))
    assert history(abroad, "made").digest == history(BARS, "made").digest


def test_a_period_ends_with_its_last_day_also_where_bars_are_dated_by_their_close():
    dates = history(BARS, "made").dates
    closes = dates + np.timedelta64(21, "h")
    last = (date(2006, 5, 31), date(2006, 7, 31))
    assert split_periods(closes, *last, 6) == split_periods(dates, *last, 6)


def test_a_file_of_another_kind_a_broken_one_or_none_at_all_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"neither \.csv nor \.parquet"):
        read_bars(tmp_path / "bars.xlsx")
    for suffix in ("csv", "parquet"):
        (tmp_path / f"cut.{suffix}").write_bytes(b"" if suffix == "csv" else b"PAR1 and no more")
        with pytest.raises(InputError, match=f"cut.{suffix} cannot be read"):
            read_bars(tmp_path / f"cut.{suffix}")
    with pytest.raises(InputError, match="does not exist"):
        read_bars(tmp_path / "bars.csv")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="folder is a folder, no file"):
        read_bars(tmp_path / "folder")
    os.mkfifo(tmp_path / "pipe.parquet")
    with pytest.raises(InputError, match=r"pipe\.parquet is no regular file"):
        read_bars(tmp_path / "pipe.parquet")


def test_no_outcome_of_one_period_reaches_into_the_next():
    dates = history(BARS, "made").dates
    gap = 6
    periods = split_periods(dates, date(2006, 5, 31), date(2006, 7, 31), gap)
    assert dates[periods.train.stop - 1 + gap] <= np.datetime64("2006-05-31")
    assert dates[periods.validation.start] > np.datetime64("2006-05-31")
    assert dates[periods.validation.stop - 1 + gap] <= np.datetime64("2006-07-31")
    assert dates[periods.test.start] > np.datetime64("2006-07-31")
    assert periods.test.stop == len(dates)


@pytest.mark.parametrize(
    ("train", "validate", "name"),
    [
        (date(2006, 2, 1), date(2006, 7, 31), "train"),
        (date(2006, 6, 1), date(2006, 5, 1), "validation"),
        (date(2006, 5, 31), date(2030, 1, 1), "test"),
    ],
)
def test_dates_that_leave_a_period_without_bars_are_refused(train, validate, name):
    with pytest.raises(InputError, match=f"No bars are left for the {name} period"):
        split_periods(history(BARS, "made").dates, train, validate, 6)


def test_the_simulated_market_is_a_function_of_its_seed():
    assert simulate(3, symbols=2, days=80).equals(simulate(3, symbols=2, days=80))
    assert not simulate(3, symbols=2, days=80).equals(simulate(4, symbols=2, days=80))


def test_simulated_bars_are_possible_bars():
    bars = simulate(2, symbols=3, days=300)
    assert (bars.high >= bars[["open", "close"]].max(axis=1)).all()
    assert (bars.low <= bars[["open", "close"]].min(axis=1)).all()
    assert (bars.low > 0).all()

"""Figures hold their data, draw nothing that is not known, and say in words what they show."""

import re
from xml.etree import ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from research.report import charts, svg
from research.report.charts import CalibrationPoint, PlotCurve

TIMES = np.arange("2024-01-01", "2024-04-10", dtype="datetime64[D]").astype("datetime64[us]")
HOSTILE = '</svg><script>alert("1")</script>'
NUMBERS = st.floats(-1e12, 1e12, allow_nan=False) | st.just(np.nan)


@given(arrays(np.float64, st.integers(0, 50), elements=NUMBERS), st.none() | st.floats(-1e6, 1e6))
def test_a_scale_holds_everything_and_its_ticks_are_even(
    values: np.ndarray, level: float | None
) -> None:
    ticks = np.array(svg.build_scale([values], level).ticks)
    known = values[np.isfinite(values)] if level is None else np.append(values, level)
    slack = 1e-6 * (ticks[-1] - ticks[0])
    assert 2 <= len(ticks) <= 8
    assert np.nanmin(known, initial=np.inf) >= ticks[0] - slack
    assert np.nanmax(known, initial=-np.inf) <= ticks[-1] + slack
    assert np.allclose(np.diff(ticks), ticks[1] - ticks[0], rtol=1e-6)


@given(arrays(np.float64, st.integers(0, 600), elements=NUMBERS))
def test_every_figure_is_well_formed_whatever_is_missing(values: np.ndarray) -> None:
    times = TIMES[0] + np.arange(len(values)) * np.timedelta64(1, "D")
    for drawn in (
        charts.line_chart("a", "A line", times, [PlotCurve("One", values, 1)]),
        charts.area_chart("b", "An area", times, PlotCurve("One", values, 1)),
    ):
        figure = ElementTree.fromstring(drawn)
        assert figure.find(".//svg[@role='img']/title") is not None


def test_a_gap_is_not_bridged() -> None:
    values = np.linspace(1.0, 2.0, len(TIMES))
    values[40:60] = np.nan
    drawn = charts.line_chart("a", "A line", TIMES, [PlotCurve("One", values, 1)])
    (path,) = re.findall(r'<path class="curve look-1" d="([^"]*)"', drawn)
    assert path.count("M") == 2
    assert "nan" not in drawn


def test_a_thinned_curve_keeps_its_lowest_and_highest_point() -> None:
    values = np.sin(np.arange(20_000) / 50.0)
    values[12_345], values[7_001] = -9.0, 9.0
    times = TIMES[0] + np.arange(len(values)) * np.timedelta64(1, "h")
    drawn = charts.line_chart("a", "A line", times, [PlotCurve("One", values, 1)])
    scale = svg.build_scale([values], None)
    (path,) = re.findall(r'<path class="curve look-1" d="M([^"]*)"', drawn)
    heights = [float(y) for y in path.split()[1::2]]
    assert min(heights) == scale.y(9.0)
    assert max(heights) == scale.y(-9.0)
    assert len(heights) <= 2 * svg.BUCKETS + 2


def test_names_from_strangers_are_escaped() -> None:
    curves = [
        PlotCurve(HOSTILE, np.ones(len(TIMES)), 1),
        PlotCurve("Other", np.ones(len(TIMES)), 2),
    ]
    assert "<script>" not in charts.line_chart('x" onload="y', HOSTILE, TIMES, curves)


def test_a_figure_says_in_words_and_in_a_table_what_it_draws() -> None:
    curve = PlotCurve("Committee", np.linspace(100.0, 150.0, len(TIMES)), 1)
    drawn = charts.line_chart("equity", "Equity", TIMES, [curve], svg.format_money)
    assert "Committee: from 100 to 150, lowest 100, highest 150." in drawn
    assert '<th scope="row">2024-04-09</th><td class="right num">150</td>' in drawn
    assert "style=" not in drawn


def test_calibration_and_bands_are_well_formed() -> None:
    dots = [
        CalibrationPoint(0.5, 0.48, 0.4, 0.56, 120),
        CalibrationPoint(0.6, 0.55, 0.45, 0.66, 80),
    ]
    ElementTree.fromstring(charts.calibration_chart("c", "Calibration", dots))
    paths = {p: np.linspace(1.0, float(p) / 50, 30) for p in ("5", "25", "50", "75", "95")}
    drawn = charts.percentile_chart("m", "Monte Carlo", range(30), paths, level=1.0)
    assert "95 % 1.9" in drawn
    ElementTree.fromstring(drawn)


def test_an_interval_is_a_mark_beside_figures_and_hidden_from_readers() -> None:
    mark = charts.interval_mark(0.01, -0.02, 0.04, 0.05)
    assert 'aria-hidden="true"' in mark
    assert charts.interval_mark(0.01, np.nan, np.nan, 0.05) == ""
    assert charts.interval_mark(np.nan, np.nan, np.nan, 0.05) == ""

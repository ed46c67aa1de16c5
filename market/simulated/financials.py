"""Simulated statements and announced earnings of companies, quarter by quarter.

Better companies (`price_process.company_quality`) grow faster and have wider margins; a good
surprise shows in the quarter's revenue and margin. Fiscal years are calendar years. A report is
known at the end of the day on which it appears.
"""

import numpy as np
import pandas as pd

from domain.panel import Floats
from market.provider import EARNINGS_COLUMNS, FILING_COLUMNS
from market.simulated import rng
from market.simulated.price_process import FIRST_DAY, company_quality, earnings_announcements
from market.simulated.rng import Index
from market.simulated.universe import Listing

_OLDEST = -12
"""First reported quarter, counted from the one that begins at `FIRST_DAY`."""
_SEASONS = np.array([0.96, 0.98, 1.00, 1.06])


def simulate_filings(seed: int, listing: Listing, quarters: int) -> pd.DataFrame:
    """`FILING_COLUMNS` of a company up to, without, quarter `quarters` from `FIRST_DAY`."""
    number, revenue, operating, net = _quarterly_results(seed, listing, quarters)
    announced, _ = earnings_announcements(seed, listing.symbol, number)
    delay = 1 + (6 * rng.uniform(seed, f"filing {listing.symbol}", number)).astype(np.int64)
    return pd.DataFrame(
        {
            "symbol": listing.symbol,
            "known_at": _end_of_day(announced + delay),
            "fiscal_year": 2022 + number // 4,
            "fiscal_quarter": number % 4 + 1,
            "revenue": _as_filed(revenue),
            "operating_income": _as_filed(operating),
            "net_income": _as_filed(net),
            "shares": _shares(seed, listing),
        }
    )[FILING_COLUMNS]


def simulate_earnings(seed: int, listing: Listing, quarters: int) -> pd.DataFrame:
    """`EARNINGS_COLUMNS` of a company up to, without, quarter `quarters` from `FIRST_DAY`."""
    number, _, _, net = _quarterly_results(seed, listing, quarters)
    announced, surprise = earnings_announcements(seed, listing.symbol, number)
    actual = net / _shares(seed, listing)
    return pd.DataFrame(
        {
            "symbol": listing.symbol,
            "known_at": _end_of_day(announced),
            "eps_estimate": np.round(actual / (1.0 + 0.05 * surprise), 3),
            "eps_actual": np.round(actual, 3),
        }
    )[EARNINGS_COLUMNS]


def _quarterly_results(
    seed: int, listing: Listing, quarters: int
) -> tuple[Index, Floats, Floats, Floats]:
    """Number, revenue, operating and net income of each quarter by itself, (Q,) in dollars."""
    number = np.arange(_OLDEST, quarters)
    good = company_quality(seed, listing.symbol)
    _, surprise = earnings_announcements(seed, listing.symbol, number)
    noise = rng.normal(seed, f"sales {listing.symbol}", number)
    growth = np.cumprod(1.010 + 0.016 * good + 0.004 * surprise + 0.006 * noise)
    value = listing.price * _shares(seed, listing)
    start = value * rng.uniform_scalar(seed, f"sales {listing.symbol}", 0.1, 0.4) / 4
    revenue = start * growth * _SEASONS[number % 4]
    usual = rng.uniform_scalar(seed, f"margin {listing.symbol}", 0.12, 0.30) + 0.05 * good
    margin = np.clip(usual + 0.012 * surprise, 0.01, 0.6)
    return number, revenue, revenue * margin, revenue * margin * 0.8


def _as_filed(figures: Floats) -> Floats:
    """Figures as filed: the fourth quarter is replaced by the full year. Rounded to thousands."""
    year = figures.reshape(-1)[: len(figures) // 4 * 4].reshape(-1, 4)
    filed = figures.copy()
    filed[3::4] = year[:, 0] + year[:, 1] + year[:, 2] + year[:, 3]
    return np.round(filed / 1e3) * 1e3


def _shares(seed: int, listing: Listing) -> float:
    return round(rng.uniform_scalar(seed, f"shares {listing.symbol}", 0.6e9, 6e9), -6)


def _end_of_day(day: Index) -> pd.DatetimeIndex:
    stamps = (FIRST_DAY + day + 1).astype("datetime64[us]")
    return pd.DatetimeIndex(stamps, tz="UTC")

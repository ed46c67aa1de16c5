"""The quality gate: may a decision be built on this series?"""

from datetime import datetime

import pandas as pd

from domain.decision import Verdict
from market.series import Series


def check(series: Series, actions: pd.DataFrame, as_of: datetime) -> Verdict:  # noqa: ARG001
    if not len(series.known_at):
        return Verdict(series.symbol, (f"no bar had closed by {as_of:%Y-%m-%d}",))
    return Verdict(series.symbol)

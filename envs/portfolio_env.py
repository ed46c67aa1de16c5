"""A gymnasium environment: weights of many symbols at once, the rest in cash."""

from envs.env_settings import STANDARD, EnvSettings
from envs.environments.actions import Weights
from envs.environments.batched_env import Copies
from envs.environments.batched_observation import Seen
from envs.market_data import History
from envs.trading_env import OneCopy


class PortfolioEnv(OneCopy):
    """Hold N symbols in wanted weights through a random window of history, long only.

    Observation: Box(±CLIP, (N * K + N,)) float32: row t of `seen`, symbol after symbol, known at
    the close of bar t, and then the share of equity held in each symbol at that close. A symbol
    that misses a bar or an observation anywhere in the window cannot be held in the episode: it is
    seen as zeros and its held share as -1, which nothing held can have.
    Action: Box(0, 1, (N,)), the share of equity wanted in each; where their sum is above 1 all are
    divided by it, and the rest is cash. What is wanted of a symbol that cannot be held stays cash.
    Orders meet bar t + 1 as in `TradingEnv`: sales first, then buys, which shrink together to the
    cash there is.
    Reward, equity, randomisation, ending and seeding: as in `TradingEnv`. Windows are those inside
    `rows` in which at least one symbol has every bar and observation.
    Info: `shares` (held, by symbol, of those that can be), `row`, `equity`, `cost`.

    Version 1.
    """

    def __init__(
        self, history: History, seen: Seen, rows: range, settings: EnvSettings = STANDARD
    ) -> None:
        """`seen` (T, N, K), standardised and clipped, belongs to the rows of `history`.

        Raises InputError as `TradingEnv` does, and for settings that go short.
        """
        weights = Weights(settings, len(history.symbols))
        super().__init__(Copies(history, seen, rows, settings, 1, portfolio=True), weights)

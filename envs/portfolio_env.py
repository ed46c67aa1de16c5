"""A gymnasium environment: weights of many symbols at once, the rest in cash."""

from envs.env_settings import DEFAULT_SETTINGS, EnvSettings
from envs.environments.actions import PortfolioAction
from envs.environments.batched_env import BatchedEnv
from envs.environments.batched_observation import ObservationArray
from envs.market_data import MarketHistory
from envs.trading_env import SingleEnv


class PortfolioEnv(SingleEnv):
    """Hold N symbols in requested weights through a random window of history, long only.

    Observation: Box(±CLIP, (N * K + N,)) float32: the K features of each symbol in row t of
    `observations`, symbol after symbol, known at the close of bar t, and then the share of equity
    held in each symbol at that close. A symbol that lacks a bar or an observation anywhere in the
    window cannot be held in the episode: its features are zeros and its held share is -1, which no
    held symbol can have.
    Action: Box(0, 1, (N,)), the share of equity requested of each; where they sum to more than 1,
    all are divided by the sum, and the rest is cash. What is requested of a symbol that cannot be
    held stays cash. Orders are filled in bar t + 1 as in `TradingEnv`: sales first, then buys,
    which shrink together to the available cash.
    Reward, equity, randomisation, ending and seeding: as in `TradingEnv`. Windows are those inside
    `rows` in which at least one symbol has every bar and observation.
    Info: `shares` (held, by symbol, of those that can be), `row`, `equity`, `cost`.

    Version 1.
    """

    def __init__(
        self,
        history: MarketHistory,
        observations: ObservationArray,
        rows: range,
        settings: EnvSettings = DEFAULT_SETTINGS,
    ) -> None:
        """`observations` (T, N, K), standardised and clipped, belongs to the rows of `history`.

        Raises InputError as `TradingEnv` does, and for settings that go short.
        """
        weights = PortfolioAction(settings, len(history.symbols))
        super().__init__(
            BatchedEnv(history, observations, rows, settings, 1, portfolio=True), weights
        )

"""The paper account on its page, as it changes."""

from collections.abc import Iterator, Sequence

from domain.events import EventKind
from orchestrator.account.service import AccountService
from web.components.trading_state import TradingStateReader
from web.live.parts import Fragment, LivePart
from web.portfolio.account_components import AccountComponentsReader
from web.portfolio.views import position_lines
from web.render import Renderer

ACCOUNT_PARTIALS = {
    "account_kpis": "account-kpis",
    "equity": "equity-past",
    "allocation": "allocation",
    "movers": "movers",
    "modes": "modes",
}
"""The partials that follow the account, and the elements that they draw."""


class PortfolioLive:
    def __init__(
        self,
        account_service: AccountService,
        account_components: AccountComponentsReader,
        trading_state_reader: TradingStateReader,
        renderer: Renderer,
    ) -> None:
        self._account_service, self._account_components = account_service, account_components
        self._trading_state_reader, self._renderer = trading_state_reader, renderer

    def parts(self) -> Sequence[LivePart]:
        changed = frozenset({EventKind.ACCOUNT_CHANGED})
        marked = changed | {EventKind.CYCLE_COMPLETED}
        return (
            LivePart(topic="account", stale_on=marked, draw=self._account, slow=True),
            LivePart(
                topic="positions", stale_on=changed, draw=self._positions, slow=True, separate=True
            ),
            LivePart(topic="guard", stale_on=changed, draw=self._trading_state, slow=True),
        )

    def _account(self) -> Iterator[Fragment]:
        account = self._account_components.read()
        for name, target in ACCOUNT_PARTIALS.items():
            yield Fragment(target, self._renderer.partial(f"portfolio/{name}", account=account))

    def _positions(self) -> Iterator[Fragment]:
        positions = position_lines(self._account_service.account())
        partial = self._renderer.partial("portfolio/positions", positions=positions)
        yield Fragment("positions", partial)

    def _trading_state(self) -> Iterator[Fragment]:
        state = self._trading_state_reader.read()
        partial = self._renderer.partial("components/trading_state", trading_state=state)
        yield Fragment("guard", partial)

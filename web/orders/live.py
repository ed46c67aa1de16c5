"""Orders and fills, as they are placed, change and are filled."""

from collections.abc import Iterator, Sequence

from domain.events import EventKind
from orchestrator.account.service import AccountService
from storage.accounts.blotter import SqlBlotter
from web.live.parts import Fragment, LivePart
from web.orders.views import MAX_OPEN_ORDERS, PAGE_SIZE, fill_rows, order_rows
from web.render import Renderer


class OrdersLive:
    def __init__(
        self, account_service: AccountService, blotter: SqlBlotter, renderer: Renderer
    ) -> None:
        self._account_service, self._blotter = account_service, blotter
        self._renderer = renderer

    def parts(self) -> Sequence[LivePart]:
        changed = frozenset({EventKind.ORDER_CHANGED, EventKind.ORDER_FILLED})
        return (
            LivePart(
                topic="orders", stale_on=changed, draw=self._open_orders, slow=True, separate=True
            ),
            LivePart(topic="order-log", stale_on=changed, draw=self._order_log, slow=True),
            LivePart(topic="order-pages", stale_on=changed, slow=True, reset="orders changed"),
        )

    def _open_orders(self) -> Iterator[Fragment]:
        rows = order_rows(self._blotter.orders(open_only=True, limit=MAX_OPEN_ORDERS))
        count = len(self._account_service.account().orders)
        partial = self._renderer.partial(
            "orders/orders", open_orders=rows, open_count=count, back="/orders"
        )
        yield Fragment("open-orders", partial)

    def _order_log(self) -> Iterator[Fragment]:
        """Yield the newest orders and fills of all symbols."""
        orders, fills = self._blotter.orders(limit=PAGE_SIZE), self._blotter.fills(limit=PAGE_SIZE)
        log = self._renderer.partial("orders/order_log", orders=order_rows(orders))
        yield Fragment("order-log", log)
        yield Fragment("fills", self._renderer.partial("orders/fills", fills=fill_rows(fills)))

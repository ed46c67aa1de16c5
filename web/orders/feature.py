"""Orders, as a feature of the application."""

from web.feature import Feature
from web.orders import api, pages, ticket_pages
from web.orders.live import OrdersLive
from web.shell import NavigationEntry

ORDERS = Feature(
    navigation=NavigationEntry("Orders", "/orders", "list-ordered"),
    pages=(
        ticket_pages.trade,
        ticket_pages.preview_order,
        ticket_pages.place_order,
        pages.orders,
        pages.order,
        pages.amend_order,
        pages.cancel_order,
        pages.cancel_orders,
        pages.orders_csv,
        pages.fills_csv,
    ),
    api=(
        api.preview,
        api.place,
        api.orders,
        api.cancel_all,
        api.order,
        api.amend,
        api.cancel,
        api.fills,
    ),
    live=OrdersLive,
)

"""The web application over one house."""

from typing import Any

from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from web.house import House
from web.static_files import Assets, static_file


def create_app(house: House) -> Litestar:
    """The pages, the API and the streams of `house`, as an ASGI application."""
    assets = Assets()
    return Litestar(
        route_handlers=[static_file],
        dependencies={
            "house": Provide(lambda: house, sync_to_thread=False),
            "assets": Provide(lambda: assets, sync_to_thread=False),
        },
        openapi_config=OpenAPIConfig(title="Quorum", version=house.version),
    )

"""The web application: the features' pages, API and live parts, folded into one.

Promises that every request passes the same checks (`security/`), and that every route is in a
router that declares its permission.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from litestar import Litestar, Response, Router
from litestar.config.compression import CompressionConfig
from litestar.di import Provide
from litestar.enums import MediaType
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from domain.events import Event
from web.components.preferences import set_preferences
from web.feature import EventListener, Feature
from web.features import FEATURES
from web.http.api_description import api_description
from web.http.head_requests import answer_head_requests
from web.http.problems import ProblemResponder, not_found
from web.http.static_files import static_file
from web.injection import Injector
from web.live.endpoints import dashboard_stream, events
from web.live.event_follower import EventFollower
from web.live.fragments import FragmentRenderer
from web.live.latest_state import LatestState
from web.number_input import number_style
from web.schemas import JsonResponse
from web.security.middleware import SameSiteMiddleware, add_security_headers
from web.security.permissions import OPTION, Permission, require_permission
from web.services import AppServices
from web.shell import Navigation, WebRequest

MAX_BODY_BYTES = 256 * 1024


def create_app(services: AppServices, features: Sequence[Feature] = FEATURES) -> Litestar:
    """Build the ASGI application that shows `services`.

    Raises ConfigurationError if the browser's libraries are missing.
    """
    injector = make_injector(services, features)
    event_follower = injector.get(EventFollower)
    same_site = SameSiteMiddleware(services.allowed_hosts)
    problem_responder = injector.get(ProblemResponder)

    def respond_to_error(request: WebRequest, error: Exception) -> Response[Any]:
        """The router refuses before any middleware is asked."""
        if refusal := same_site.refusal(request.scope):
            return Response(refusal, status_code=403, media_type=MediaType.TEXT)
        return problem_responder.respond(request, error)

    routes = Routes.of(features)
    app = Litestar(
        route_handlers=routes.routers(),
        guards=[require_permission],
        middleware=[same_site],
        before_send=[add_security_headers],
        dependencies={
            **injector.dependencies(routes),
            "style": Provide(number_style, sync_to_thread=False),
        },
        compression_config=CompressionConfig("gzip", gzip_compress_level=5, exclude=["/static/"]),
        exception_handlers={Exception: respond_to_error},
        lifespan=[partial(_follow_events, event_follower)],
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title="Quorum",
            version=services.served_run.version,
            openapi_router=Router(
                "/api", route_handlers=[], opt={OPTION: Permission.LOCAL}, include_in_schema=False
            ),
            render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        ),
        request_max_body_size=MAX_BODY_BYTES,
    )
    # Around the routing: it would refuse the method HEAD of a GET handler.
    app.asgi_handler = answer_head_requests(app.asgi_handler)
    return app


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """All handlers, by kind. Each kind has a router of its own, which declares its permission."""

    pages: Sequence[BaseRouteHandler]
    api: Sequence[BaseRouteHandler]
    streams: Sequence[BaseRouteHandler]
    public: Sequence[BaseRouteHandler]

    @classmethod
    def of(cls, features: Sequence[Feature]) -> "Routes":
        return cls(
            pages=[*(page for each in features for page in each.pages), set_preferences],
            api=[api_description, *(handler for each in features for handler in each.api), events],
            streams=[dashboard_stream],
            public=[*(probe for each in features for probe in each.probes), static_file, not_found],
        )

    def routers(self) -> list[Router]:
        """Pages are in one too: on the application itself a second handler of one path would wrap
        the first one's thread twice."""
        local = {OPTION: Permission.LOCAL}
        return [
            Router("/", route_handlers=self.pages, opt=local),
            Router("/api/v1", route_handlers=self.api, opt=local, response_class=JsonResponse),
            Router("/", route_handlers=self.streams, opt=local),
            Router("/", route_handlers=self.public, opt=local),
        ]

    def __iter__(self) -> Iterator[BaseRouteHandler]:
        return iter((*self.pages, *self.api, *self.streams, *self.public))


def make_injector(services: AppServices, features: Sequence[Feature] = FEATURES) -> Injector:
    """Return what provides `services`, and what the features build from them: among it the follower
    of the journal, whose events reach the streams and the caches."""
    injector = Injector(services)
    navigation = tuple(feature.navigation for feature in features if feature.navigation)
    injector.provide(Navigation, navigation)
    live = [injector.get(feature.live) for feature in features if feature.live]
    fragment_renderer = FragmentRenderer(
        injector.get(LatestState),
        [part for each in live for part in each.parts()],
    )
    own_services: list[object] = [
        injector.get(each) for feature in features for each in feature.services
    ]
    listeners = [each for each in own_services if isinstance(each, EventListener)]

    def on_events(events: Sequence[Event]) -> None:
        for listener in (fragment_renderer, *listeners):
            listener.on_events(events)

    injector.provide(FragmentRenderer, fragment_renderer)
    injector.provide(EventFollower, EventFollower(services.journal, services.notifier, on_events))
    return injector


@asynccontextmanager
async def _follow_events(event_follower: EventFollower, app: Litestar) -> AsyncIterator[None]:  # noqa: ARG001
    event_follower.start()
    try:
        yield
    finally:
        await event_follower.stop()

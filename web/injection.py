"""Services by their type: what the server was given, and what is built from it once.

A constructor says by the types of its parameters what it needs. Leaves out what is made anew for
each request.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from inspect import Parameter, signature
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from litestar.di import Dependency, Provide
from litestar.handlers import BaseRouteHandler

from web.services import AppServices

T = TypeVar("T")
_PACKAGE = __name__.split(".")[0]
"""Only classes of the pages are built here; everything below them is given."""


class Injector:
    """Gives the services of one application. Raises LookupError for a type that nothing provides
    and that cannot be built."""

    def __init__(self, services: AppServices) -> None:
        types = get_type_hints(AppServices)
        self._services = {
            types[each.name]: getattr(services, each.name) for each in fields(services)
        }

    def provide(self, kind: Any, service: object) -> None:
        """Give `service` to whoever asks for `kind`."""
        self._services[kind] = service

    def get(self, kind: type[T]) -> T:
        """Return the one service of a type; build it by its constructor if it is not there yet."""
        if kind not in self._services:
            self._services[kind] = self._build(kind)
        service: T = self._services[kind]
        return service

    def dependencies(self, handlers: Iterable[BaseRouteHandler]) -> dict[str, Provide]:
        """Return what the handlers ask for: parameters of the type `NamedDependency[Service]`.

        One name has one type in all handlers; LookupError if not.
        """
        types: dict[str, Any] = {}
        for handler in handlers:
            for name, kind in _named_dependencies(handler):
                if types.setdefault(name, kind) != kind:
                    raise LookupError(f"{name} of {handler} is a {types[name]} elsewhere")
        return {
            name: Provide(_provider(self.get(kind)), sync_to_thread=False)
            for name, kind in types.items()
        }

    def _build(self, kind: type[T]) -> T:
        if not isinstance(kind, type) or kind.__module__.split(".")[0] != _PACKAGE:
            raise LookupError(f"There is no service of type {kind}.")
        types = get_type_hints(kind.__init__)
        needed = [
            parameter.name
            for parameter in signature(kind).parameters.values()
            if parameter.default is Parameter.empty
        ]
        return kind(**{name: self.get(types[name]) for name in needed})


def _named_dependencies(handler: BaseRouteHandler) -> Iterator[tuple[str, Any]]:
    for name, hint in get_type_hints(handler.fn, include_extras=True).items():
        kind, *extras = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if any(isinstance(extra, Dependency) for extra in extras):
            yield name, kind


def _provider(service: object) -> Callable[[], Any]:
    return lambda: service

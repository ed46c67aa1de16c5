"""Serves the application on a socket: the only file that imports uvicorn.

Promises that the port is taken before anything slow begins, that an open stream never delays
shutdown, and that a signal or `WebServer.stop` ends it within seconds.
"""

import signal
import socket
import threading
from collections.abc import Callable

import uvicorn
from litestar import Litestar

from domain.errors import ConfigurationError

GRACE_SECONDS = 2
NOTIFY_SECONDS = 1
BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; port 0 takes a free one.

    Raises ConfigurationError, with the remedy, where the address is not available.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"Port {port} on {host} cannot be used: {error.strerror}. End the program that holds "
            "it, or choose another with --port (0 takes a free one)."
        ) from None
    return listener


def address(listener: socket.socket) -> str:
    """Return the URL to open in a browser: `http://127.0.0.1:8765`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class WebServer:
    """Serves `app` on `listener` until a signal arrives or `stop` is called from any thread."""

    def __init__(self, app: Litestar, listener: socket.socket) -> None:
        self._listener = listener
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
                server_header=False,
                callback_notify=self._restore_sigterm_handler,
                timeout_notify=NOTIFY_SECONDS,
            )
        )

    def run(self, on_stop: Callable[[], None] = lambda: None) -> None:
        """Serve until stopped; blocks. `on_stop` is called once serving has ended, for whatever
        reason. A signal that ended it is raised again for the previous handler."""
        try:
            self._server.run(sockets=[self._listener])
        finally:
            on_stop()

    def stop(self) -> None:
        self._server.should_exit = True

    async def _restore_sigterm_handler(self) -> None:
        """Take SIGTERM back from Ray, which installs its own handler when the engine's thread
        starts it and would end the process at once."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._server.handle_exit)

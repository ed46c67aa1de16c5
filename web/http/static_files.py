"""Style sheet, scripts, font and icons, read once and served from memory.

Promises that only files known at start can be requested (there is no path to traverse), and that a
URL carries its content's hash, so that a browser may cache it for ever.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from domain.errors import ConfigurationError, NotFoundError
from research.report.tearsheet import TEMPLATES
from web.injection import Injected

FOLDER = Path(__file__).parent.parent / "static"
REQUIRED_FILES = ("vendor/htmx.js", "vendor/charts.js", "vendor/inter.woff2", "vendor/icons.svg")
FONT = "vendor/inter.woff2"
FIGURES = "figures.css"
"""The style of the figures that pages share with tear sheets, served within our own sheet."""
_COMPRESSED = {".css", ".js", ".svg", ".txt"}
_IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    gzipped: bytes | None
    media_type: str
    version: str


class Assets:
    """Every file under `folder`, by its relative path.

    Raises ConfigurationError if the vendor files are missing.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._assets = {
            path.relative_to(folder).as_posix(): _asset(path.read_bytes(), path.suffix)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        self._complete_stylesheet()
        missing = [name for name in REQUIRED_FILES if name not in self._assets]
        if missing:
            raise ConfigurationError(
                f"The pages lack {', '.join(missing)}. Run `python -m web.assets` once."
            )

    def _complete_stylesheet(self) -> None:
        """Add the figures' styles to the style sheet, and point the font at the URL that the page
        preloads."""
        sheet, font = self._assets.get("quorum.css"), self._assets.get(FONT)
        if sheet and font:
            figures = (TEMPLATES / FIGURES).read_bytes()
            whole = b"%b\n@layer components {\n%b}\n" % (sheet.body, figures)
            font_url = f"{FONT}?v={font.version}".encode()
            self._assets["quorum.css"] = _asset(whole.replace(FONT.encode(), font_url), ".css")

    def url(self, name: str) -> str:
        return f"/static/{name}?v={self._assets[name].version}"

    def get(self, name: str) -> Asset:
        try:
            return self._assets[name]
        except KeyError:
            raise NotFoundError(f"There is no static file {name[:80]!r}.") from None


@get("/static/{name:path}", include_in_schema=False, sync_to_thread=False)
def static_file(
    name: FromPath[Path], request: Request[Any, Any, Any], assets: Injected[Assets]
) -> Response[bytes]:
    asset = assets.get(name.as_posix().lstrip("/"))
    cache_control = _IMMUTABLE if request.query_params.get("v") == asset.version else "no-cache"
    headers = {
        "Cache-Control": cache_control,
        "Vary": "Accept-Encoding",
        "ETag": f'"{asset.version}"',
    }
    body = asset.body
    if asset.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"], body = "gzip", asset.gzipped
    return Response(body, media_type=asset.media_type, headers=headers)


def _asset(body: bytes, suffix: str) -> Asset:
    media_type = mimetypes.guess_type(f"x{suffix}")[0] or "application/octet-stream"
    return Asset(
        body=body,
        gzipped=gzip.compress(body, 9, mtime=0) if suffix in _COMPRESSED else None,
        media_type=media_type,
        version=hashlib.sha256(body).hexdigest()[:12],
    )

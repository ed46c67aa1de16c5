"""Style sheet, scripts, font and icons, read once and served from memory.

Promises that only files known at start can be asked for (there is no path to traverse), and that
an address carries its content's hash, so that a browser may keep it for ever.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from litestar import Request, Response, get
from litestar.params import FromPath

from domain.errors import ConfigurationError, NotFoundError

FOLDER = Path(__file__).parent / "static"
NEEDED = ("vendor/htmx.js", "vendor/charts.js", "vendor/inter.woff2", "vendor/icons.svg")
_SQUEEZED = {".css", ".js", ".svg", ".txt"}
_KEPT = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    gzipped: bytes | None
    media_type: str
    version: str


class Assets:
    """Every file under `folder`, by its path below it.

    Raises ConfigurationError if the vendor files were not laid.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self._assets = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        missing = [name for name in NEEDED if name not in self._assets]
        if missing:
            raise ConfigurationError(
                f"The pages lack {', '.join(missing)}. Run `python -m web.assets` once."
            )

    def url(self, name: str) -> str:
        return f"/static/{name}?v={self._assets[name].version}"

    def get(self, name: str) -> Asset:
        try:
            return self._assets[name]
        except KeyError:
            raise NotFoundError(f"There is no static file {name[:80]!r}.") from None


@get("/static/{name:path}", include_in_schema=False, sync_to_thread=False)
def static_file(name: FromPath[Path], request: Request, assets: Assets) -> Response[bytes]:
    asset = assets.get(name.as_posix().lstrip("/"))
    headers = {"Cache-Control": _KEPT, "Vary": "Accept-Encoding", "ETag": f'"{asset.version}"'}
    body = asset.body
    if asset.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"], body = "gzip", asset.gzipped
    return Response(body, media_type=asset.media_type, headers=headers)


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(
        body=body,
        gzipped=gzip.compress(body, 9, mtime=0) if path.suffix in _SQUEEZED else None,
        media_type=f"{kind}; charset=utf-8" if path.suffix in _SQUEEZED else kind,
        version=hashlib.sha256(body).hexdigest()[:12],
    )

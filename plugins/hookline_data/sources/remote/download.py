"""Fetches files by HTTP: in pieces, whole or not at all."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from hookline import HooklineError, Secret
from hookline_data.sources.remote.addresses import shown_url, told_of

__all__ = ["fetch"]

_PIECE = 1 << 20
_TIMEOUT = 60.0
_SCHEMES = ("http", "https")
_REDIRECTS = range(300, 400)


def fetch(place: Secret[str] | str, folder: Path, source: str, *, timeout: float = _TIMEOUT) -> Path:
    """Fetch a file.

    Args:
        place: Its address.
        folder: Where it is put.
        source: The name of the source, for messages.
        timeout: For how many seconds nothing may come.

    Returns:
        Its path.

    Raises:
        HooklineError: It can't be had, or not all of it.
    """
    url = place.reveal() if isinstance(place, Secret) else place
    shown = shown_url(place)
    size = 0
    try:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in _SCHEMES:
            raise HooklineError(f"the source '{source}' is no address of the web: {shown}", help="give https://…")
        path = folder / f"fetched{''.join(Path(parts.path).suffixes[-2:])}"
        request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
        opener = urllib.request.build_opener(_WithinTheWeb)
        with opener.open(request, timeout=timeout) as answer, path.open("wb") as file:
            told = answer.headers.get("Content-Length")
            while piece := answer.read(_PIECE):
                size += file.write(piece)
    except urllib.error.HTTPError as error:
        error.close()
        # Where it redirects to may have a token in it, and its own words may quote that.
        lost = "; it redirects in circles, or to what is no address of the web"
        said = lost if error.code in _REDIRECTS else f" {http.client.responses.get(error.code, '')}".rstrip()
        raise _failed(source, shown, f"the server says {error.code}{said}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = _reason(error, url, secret=isinstance(place, Secret))
        raise _failed(source, shown, f"{reason} (after {size:,} bytes)") from None
    if told is not None and told.isdigit() and size != int(told):
        raise _failed(source, shown, f"it has {int(told):,} bytes, of which {size:,} came")
    return path


def _reason(error: Exception, url: str, *, secret: bool) -> str:
    """Say what went wrong; of what is wrong with the address itself only the kind, for that quotes parts of it."""
    reason = getattr(error, "reason", None)
    if isinstance(error, OSError):
        return told_of(reason if isinstance(reason, Exception) else error, url, secret=secret)
    address = isinstance(error, ValueError | http.client.InvalidURL)
    return f"{'it is no sound address' if address else 'its answer is not sound'} ({type(error).__name__})"


class _WithinTheWeb(urllib.request.HTTPRedirectHandler):
    """Follows redirects to addresses of the web only."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urllib.parse.urlsplit(newurl).scheme not in _SCHEMES:
            raise urllib.error.HTTPError(req.full_url, code, msg, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _failed(source: str, shown: str, why: str) -> HooklineError:
    return HooklineError(
        f"the source '{source}' can't be fetched from {shown}: {why}", help="try again; or set retries"
    )

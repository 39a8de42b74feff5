"""How is a service asked politely, and what does its refusal mean? One sentence for every way to fail.

HTTP by urllib3: broken connections and the answers 429, 500, 502, 503 and 504 are asked again, with growing pauses or
the one that the service names (Retry-After); one token bucket a host keeps the pace; proxies come from the environment.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from bri_bayes import __version__
from bri_bayes.core.errors import InputError
from bri_bayes.data.official.sources import Sources, TransportTable
from bri_bayes.data.official.store import Call

if TYPE_CHECKING:
    import urllib3

USER_AGENT = f"bri-bayes/{__version__}"
ASKED_AGAIN = (429, 500, 502, 503, 504)
_MOST_SHOWN = 160


class RefusedError(InputError):
    """A service did not answer, or its answer cannot be used: nothing of it was stored."""


@dataclass
class TokenBucket:
    """At most ``rate`` calls a second on average, one at once."""

    rate: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    free_at: float = 0.0

    def take(self) -> None:
        """Wait until the next call may go out."""
        now = self.clock()
        if now < self.free_at:
            self.sleep(self.free_at - now)
        self.free_at = max(now, self.free_at) + 1.0 / self.rate


@dataclass(frozen=True)
class Transport:
    """Where calls go out. ``key`` : of Comtrade, sent in a header and shown nowhere."""

    table: TransportTable
    paces: Mapping[str, float]
    key_header: str
    key: str | None = field(default=None, repr=False)
    buckets: dict[str, TokenBucket] = field(default_factory=dict)
    pools: dict[str | None, Any] = field(default_factory=dict)

    def ask(self, call: Call) -> tuple[bytes, str]:
        """The body of the answer and the time of the call, or one sentence about why there is none."""
        import urllib3

        host = urlsplit(call.url).netloc
        self.buckets.setdefault(host, TokenBucket(self.paces[call.source])).take()
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json" if call.kind == "json" else "*/*"}
        if call.keyed and self.key is not None:
            headers[self.key_header] = self.key
        asked_at = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            # The body is read inside, so that one that breaks off is asked for again.
            answer = self._pool(call.url).request("GET", call.url, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise RefusedError(f"{_shown(call)}: {_broken(error, host)}") from None
        body: bytes = answer.data
        _check_status(call, answer.status, body, str(answer.headers.get("Retry-After", "")))
        _check_kind(call, body, str(answer.headers.get("Content-Type", "")))
        return body, asked_at

    def _pool(self, url: str) -> urllib3.PoolManager:
        import urllib3

        proxy = _proxy_for(url)
        if proxy not in self.pools:
            table = self.table
            options: dict[str, Any] = {
                "retries": _retry(table, self.key_header),
                "timeout": urllib3.Timeout(connect=table.connect, read=table.read),
            }
            self.pools[proxy] = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        pool: urllib3.PoolManager = self.pools[proxy]
        return pool


def transport_for(sources: Sources, key: str | None) -> Transport:
    """The transport of the declared sources."""
    paces = {
        "comtrade": sources.comtrade.requests_per_second,
        "world_bank": sources.world_bank.requests_per_second,
        "swiid": sources.swiid.requests_per_second,
    }
    return Transport(sources.transport, paces, sources.comtrade.key_header, key)


def _retry(table: TransportTable, key_header: str) -> urllib3.Retry:
    import urllib3

    return urllib3.Retry(
        total=table.retries,
        redirect=3,
        status_forcelist=ASKED_AGAIN,
        allowed_methods=("GET",),
        backoff_factor=table.backoff,
        backoff_max=table.longest_wait,
        retry_after_max=table.longest_wait,
        raise_on_status=False,
        # The key is for one host alone.
        remove_headers_on_redirect=(key_header, *urllib3.Retry.DEFAULT_REMOVE_HEADERS_ON_REDIRECT),
    )


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address, if any."""
    parts = urlsplit(url)
    proxies = getproxies()
    proxy = None if proxy_bypass(parts.netloc) else proxies.get(parts.scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _broken(error: Exception, host: str) -> str:
    """What a failure below HTTP means."""
    import urllib3.exceptions as failures

    reason = getattr(error, "reason", None) or error
    # In this order: an unknown name is a kind of refused connection.
    meanings: tuple[tuple[type[Exception], str], ...] = (
        (failures.NameResolutionError, f"the name {host} has no address; is there a network?"),
        (failures.ProxyError, "the proxy that the environment names cannot be reached"),
        (failures.NewConnectionError, "the connection was refused; is there a network?"),
        (failures.ConnectTimeoutError, "no connection within the time allowed; is there a network?"),
        (failures.ReadTimeoutError, "no answer within the time allowed; what came before is kept, start again later"),
        (failures.SSLError, "the certificate of the service could not be verified"),
    )
    said = _clean(str(reason)) or type(reason).__name__
    return next((text for kind, text in meanings if isinstance(reason, kind)), f"the connection broke ({said})")


def _check_status(call: Call, status: int, body: bytes, retry_after: str) -> None:
    if status == 200:
        return
    said = _message(body)
    tail = f' (it says "{said}")' if said else ""
    match status:
        case 202:
            meaning = "answers with a challenge for browsers (202) in place of data; try again later or from elsewhere"
        case 400:
            meaning = f"refuses the question (400){tail}"
        case 401 if call.keyed:
            meaning = f"does not accept the key (401){tail}"
        case 401:
            meaning = f"wants a key (401){tail}; give one with --key-file"
        case 403 if "quota" in said.lower():
            meaning = f"has no calls left for this key (403){tail}"
        case 403:
            meaning = f"forbids the call (403){tail}"
        case 404:
            meaning = f"does not know the address (404){tail}; a newer data/sources.toml may"
        case 429:
            when = f"after {_clean(retry_after)} seconds" if retry_after.isdigit() else "later"
            meaning = f"still finds the calls too many (429){tail}; try again {when}"
        case _ if status >= 500:
            meaning = f"is out of order ({status}){tail}; try again later"
        case _:
            meaning = f"answers with status {status}{tail}"
    raise RefusedError(f"{_shown(call)}: the service {meaning}")


def _check_kind(call: Call, body: bytes, content_type: str) -> None:
    start = body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")) or (call.kind != "json" and "html" in content_type):
        raise RefusedError(f"{_shown(call)}: a web page (HTML) came in place of {call.kind.upper()}")
    if start.startswith(b"<"):
        raise RefusedError(f"{_shown(call)}: XML came in place of {call.kind.upper()}")


def _message(body: bytes) -> str:
    """What a service says about its refusal."""
    text = body[:4000].decode("utf-8", errors="replace")
    try:
        content = json.loads(text)
    except ValueError:
        return "" if text.lstrip().startswith("<") else _clean(text)
    if isinstance(content, dict):
        said = next((content[key] for key in ("message", "error", "errorMessage") if content.get(key)), "")
        return _clean(said if isinstance(said, str) else json.dumps(said))
    return ""


def _clean(text: str) -> str:
    """Words of a stranger for a terminal: one short line of printable characters."""
    line = re.sub(r"\s+", " ", "".join(mark if mark.isprintable() else " " for mark in text)).strip()
    return line if len(line) <= _MOST_SHOWN else f"{line[:_MOST_SHOWN]}..."


def _shown(call: Call) -> str:
    return shown_url(call.url)


def shown_url(url: str) -> str:
    """An address in a message: long lists of it are cut."""
    return url if len(url) <= _MOST_SHOWN else f"{url[:_MOST_SHOWN]}..."

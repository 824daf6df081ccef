"""The one door through which every request to a service goes.

Reads are repeated when an answer may be better the next time; a request that writes is sent
once, whatever happens, and its failure says whether it may have had an effect. Each request has
a deadline for the whole of it, body included, so that a server which drips one byte a second
cannot hold a cycle.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import aiohttp
import httpx
import orjson
import stamina
import structlog

from instep.errors import Denied, Forbidden, Unreachable
from instep.systems import connections
from instep.systems.budget import Budget
from instep.systems.waits import LONGEST_WAIT, wait_of

log = structlog.get_logger()

ATTEMPTS = 4
#: Requests of one system in flight at once; more wait, with no deadline running.
CONNECTIONS = 16
#: Bytes of an answer, unpacked, before it is given up: ProdManager's pages carry their history.
LARGEST_BODY = 64 * 1024 * 1024

T = TypeVar("T")
#: The query of a request; several values of one name are sent one after the other.
Params = Mapping[str, str | int | tuple[str, ...]]
Reason = Callable[[Any], str]


class Passing(Unreachable):
    """The system gave no usable answer, but asking again may help.

    ``wait`` is the number of seconds that the service asked for; ``None`` if it named none.
    ``status`` is that of its answer; 0 if there was none.
    """

    def __init__(
        self, message: str, *, wait: float | None = None, status: int = 0, **about: Any
    ) -> None:
        """Keep the ``wait`` and the ``status`` beside what every ``Unreachable`` has."""
        super().__init__(message, **about)
        self.wait = wait
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered; ``asked`` is the request's ``METHOD path``, ``wrote`` its intent."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    system: str = ""
    asked: str = ""
    wrote: bool = False

    @property
    def ok(self) -> bool:
        """Whether the status is one of success (2xx)."""
        return 200 <= self.status < 300

    @property
    def wait(self) -> float | None:
        """How many seconds the service asks to wait, if it does."""
        return wait_of(self.status, self.headers, self.peek())

    def peek(self) -> Any:
        """Give the body read as JSON, or ``None`` if it is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    def json(self) -> Any:
        """Give the body read as JSON.

        Raises:
            Unreachable: it is not JSON; unclear if the request was one that writes.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            what = "a web page" if self.body.lstrip()[:1] == b"<" else "something unreadable"
            raise self.unusable(f"answered {what} instead of JSON") from None

    def part(self, key: str, kind: type[T]) -> T:
        """Give one member of the answered object, which has to be of ``kind``.

        Raises:
            Unreachable: there is no such member; unclear if the request was one that writes.
        """
        whole = self.json()
        value = whole.get(key) if isinstance(whole, dict) else None
        if not isinstance(value, kind):
            raise self.unusable(f"answered without {key!r}")
        return value

    def unusable(self, what: str, advice: str = "") -> Unreachable:
        """Make the error for an answer that means nothing here; after a 4xx nothing is unclear."""
        return Unreachable(
            f"{self.system} {what} ({self.asked}, status {self.status})",
            system=self.system,
            advice=advice or "check the address: a proxy or a login page may answer in its place",
            unclear=self.wrote and not 400 <= self.status < 500,
        )


class Door:
    """HTTP requests to one service: deadline, retries of reads, errors, counting, logging.

    Args:
        system: the name that errors and events show.
        base_url: what every path is appended to.
        headers: sent with each request; credentials among them are blotted out of messages.
        timeout: seconds that one request may take, body included.
        transport: in place of the default, which is aiohttp's (a third of the CPU of httpx's).
        idle: seconds for which an unused connection is kept.
        rate: the share of the service's rate limit that may be used (0 to 1).
        reason: reads the sentence to show out of an error's JSON body.
        advice: what a person does about a refusal of the credentials.
        forbidden: what they do where credentials that are known lack a permission (403).
    """

    def __init__(  # noqa: PLR0913 - each keyword is one property of a service
        self,
        system: str,
        base_url: str,
        headers: Mapping[str, str],
        *,
        timeout: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
        idle: float = 15.0,
        rate: float = 1.0,
        reason: Reason = str,
        advice: str = "check the credentials and their permissions",
        forbidden: str = "",
    ) -> None:
        """Open nothing yet: connections are made by the first request.

        Raises:
            ConfigError: the credentials hold what no header can carry.
        """
        connections.check_headers(system, headers)
        self.system = system
        self.timeout = timeout
        self.requests = 0
        self.budget = Budget(system, rate)
        self._reason = reason
        self._advice = advice
        self._forbidden = forbidden or advice
        self._secrets = connections.secrets(headers)
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._client = httpx.AsyncClient(
            base_url=base_url,
            headers={"Accept": "application/json", "User-Agent": "instep", **headers},
            timeout=httpx.Timeout(timeout, connect=min(timeout / 2, 10.0)),
            transport=transport or connections.transport(CONNECTIONS, idle),
            # A session cookie would speak for us beside the token.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            event_hooks={"response": [connections.hide_location]},
        )

    async def read(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask, and ask again after what may pass, as the service's wait headers say.

        Raises:
            Denied: 401, or 403 (``Forbidden``).
            Unreachable: 408, 429, 5xx, no answer in time or none at all, a few times over; or
                the rate limit leaves no room, and nothing was sent.
        """
        async for attempt in stamina.retry_context(
            on=_pause,
            attempts=ATTEMPTS,
            timeout=2 * self.timeout,
            wait_initial=0.2,
            wait_jitter=0.3,
        ):
            with attempt:
                request = self._request(method, path, params, json, data)
                return await self._ask(request, path, wrote=False)
        raise AssertionError("a retry ends with an answer or an error")  # pragma: no cover

    async def write(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: Any = None,
        data: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request that writes, exactly once.

        Raises:
            Denied: 401, or 403 (``Forbidden``); nothing was written.
            Unreachable: as for ``read``; ``unclear`` unless the request certainly had no effect.
        """
        return await self._ask(self._request(method, path, params, json, data), path, wrote=True)

    def why(self, answer: Answer) -> str:
        """Say in one line what an error's body says, without credentials."""
        value = answer.peek()
        text = " ".join(self._reason(value).split()) if value is not None else ""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text[:300]

    async def close(self) -> None:
        """Give back connections."""
        await self._client.aclose()

    def _request(
        self,
        method: str,
        path: str,
        params: Params | None,
        json: Any,
        data: Mapping[str, str] | None,
    ) -> httpx.Request:
        """Spell a request; JSON is written by orjson."""
        if json is None:
            return self._client.build_request(method, path, params=params, data=data)
        kind = {"Content-Type": "application/json"}
        body = orjson.dumps(json)
        return self._client.build_request(method, path, params=params, content=body, headers=kind)

    async def _ask(self, request: httpx.Request, path: str, *, wrote: bool) -> Answer:
        """Send one request and judge what comes back."""
        asked = f"{request.method} {path}"
        # A write that waited would write over what somebody has edited since the look before it.
        longest = 0.0 if wrote else LONGEST_WAIT
        async with self._slots, self.budget.room(asked, longest=longest) as learn:
            started = time.perf_counter()
            status = 0
            self.requests += 1
            try:
                async with asyncio.timeout(self.timeout):
                    response, body = await self._exchange(request)
                status = response.status_code
            except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
                raise self._lost(error, asked, wrote=wrote) from error
            finally:
                log.debug(
                    "http.request",
                    system=self.system,
                    method=request.method,
                    path=path,
                    status=status,
                    seconds=round(time.perf_counter() - started, 6),
                )
            answer = Answer(status, response.headers, body, self.system, asked, wrote)
            learn(answer.headers, answer.wait if status == 429 else None)
        return self._judge(answer)

    async def _exchange(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """Send, and read the body up to its limit."""
        response = await self._client.send(request, stream=True)
        if (place := response.extensions["location"]) is not None:
            response.headers["location"] = place
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise httpx.DecodingError("the answer is too large", request=request)
        finally:
            await response.aclose()
        return response, bytes(body)

    def _lost(self, error: Exception, asked: str, *, wrote: bool) -> Passing:
        """Make the error for a request without an answer."""
        late = connections.was_late(error)
        what = f"gave no answer within {self.timeout:g} s" if late else "could not be reached"
        detail = "" if late else f": {connections.detail(error)}"
        return Passing(
            f"{self.system} {what} ({asked}){detail}",
            system=self.system,
            advice="check the address, the network and the service's own status page",
            unclear=wrote and not connections.was_unsent(error),
        )

    def _judge(self, answer: Answer) -> Answer:
        """Let through what a connector decides about; raise what means the same everywhere."""
        if answer.status == 401:
            what = f"{self._what(answer)}: the credentials were refused"
            raise Denied(what, system=self.system, advice=self._advice)
        if answer.status == 403:
            what = f"{self._what(answer)}: the credentials may not do that"
            raise Forbidden(what, system=self.system, advice=self._forbidden)
        if answer.status in (408, 429) or answer.status >= 500:
            raise Passing(
                self._what(answer),
                system=self.system,
                wait=answer.wait,
                status=answer.status,
                advice="the service is busy or in trouble; instep asks again in the next cycle",
                unclear=answer.wrote and answer.status != 429,
            )
        return answer

    def _what(self, answer: Answer) -> str:
        """Say which request got which status, and why if the service says so."""
        why = self.why(answer)
        said = f" ({why})" if why else ""
        return f"{answer.system} answered {answer.status} to {answer.asked}{said}"


def _pause(error: Exception) -> bool | float:
    """Tell stamina whether to ask again, and after how many seconds if the service said so."""
    if not isinstance(error, Passing):
        return False
    if error.wait is None:
        return True
    # Asked to wait for an hour (ProdManager does), asking again sooner only costs more.
    return error.wait if error.wait <= LONGEST_WAIT else False

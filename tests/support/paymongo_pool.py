"""The PayMongo client's way out, led into an httpx transport: a mock, or the sandbox's app."""

from io import BytesIO

import httpx
import urllib3


class TransportPool:
    """As much of urllib3's PoolManager as paymongo.client uses."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def request(
        self, method: str, url: str, *, body: bytes | None, headers: dict[str, str], **_: object
    ) -> urllib3.HTTPResponse:
        """Raises urllib3's HTTPError for the transport's."""
        request = httpx.Request(method, url, content=body, headers=headers)
        try:
            answer = self._transport.handle_request(request)
        except httpx.HTTPError as error:
            raise urllib3.exceptions.ProtocolError(str(error)) from None
        return urllib3.HTTPResponse(BytesIO(answer.read()), status=answer.status_code)

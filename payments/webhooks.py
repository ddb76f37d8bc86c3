"""POST /hooks/<provider>: verify the raw bytes → commit to the inbox → apply within the budget → answer (P1).

Some providers also call by GET: then the raw bytes are the address itself.
2xx is owed once the inbox commit is done; applying can never change it. 401 stores nothing. 413 only above the limit.
5xx only when storing failed: then the provider sends it again.
"""

from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpResponse, JsonResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from lockbay import clock
from payments.actions.apply_event import drain
from payments.actions.receive_event import receive_event
from payments.bodies import read_body
from payments.errors import BadSignature, BodyMalformed, BodyTooLarge, UnknownProvider
from payments.metrics import WEBHOOKS
from payments.providers import ADAPTERS, provider_of
from payments.providers.base import PaymentProvider

log = structlog.stdlib.get_logger(__name__)


class WebhookView(APIView):
    """No session, no authentication classes, no parsers: the signature over the raw bytes is the authentication."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    parser_classes: list[Any] = []
    http_method_names = ["post", "get"]

    def get(self, request: Request, provider: str) -> Any:
        """Events that come as an address: the provider signed the whole of it as it knows it, so it is put together
        from PUBLIC_URL and never from what the request says of its host."""
        if "GET" not in self.allowed_methods:
            return self.http_method_not_allowed(request)
        query = request.META["QUERY_STRING"].encode("latin-1", "replace")  # WSGI's way to hand over bytes
        raw = f"{settings.PUBLIC_URL}{request.path}?".encode() + query
        return self._receive(request, provider, lambda: raw)

    def post(self, request: Request, provider: str) -> HttpResponse:
        return self._receive(request, provider, lambda: read_body(request._request, limit=settings.WEBHOOK_MAX_BYTES))

    def _receive(self, request: Request, provider: str, read_raw: Callable[[], bytes]) -> HttpResponse:
        try:
            adapter = provider_of(provider)
            raw = read_raw()
            adapter.verify(raw, request.headers, now=clock.real_now())
        except UnknownProvider:
            return _refuse("unknown", 404, "unknown_provider")
        except BodyTooLarge as error:
            return _refuse(provider, 413, "too_large", largest_bytes=error.limit)
        except BodyMalformed as error:
            return _refuse(provider, 400, "malformed_request", detail=str(error))
        except BadSignature as error:
            log.warning("WEBHOOK_REFUSED", provider=provider, reason=error.reason, size=len(raw))
            return _refuse(provider, 401, error.reason, expected=error.expected)
        return _take(adapter, raw, request)

    @property
    def allowed_methods(self) -> list[str]:
        """What the Allow header says."""
        name = self.kwargs["provider"]
        return ["GET", "POST"] if name in ADAPTERS and provider_of(name).takes_get else ["POST"]

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Says what is expected instead."""
        return _refuse("any", 405, "method_not_allowed", expected="POST with the provider's signature header")

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Never 406: a provider's Accept header says nothing about its event."""
        return JSONRenderer(), "application/json"


def _take(adapter: PaymentProvider, raw: bytes, request: Request) -> HttpResponse:
    try:
        inbox_id = receive_event(provider=adapter, raw=raw, headers=request.headers)
    except (DatabaseError, InterfaceError):
        log.exception("WEBHOOK_NOT_STORED", provider=adapter.name)
        answer = _refuse(adapter.name, 503, "not_stored_send_again")
        answer["Retry-After"] = "5"
        return answer
    WEBHOOKS.labels(adapter.name, "repeated" if inbox_id is None else "stored").inc()
    if inbox_id is not None:
        _apply_now(adapter.name, inbox_id)
    return HttpResponse(adapter.answer_body, content_type=adapter.answer_type)


def _apply_now(provider: str, inbox_id: int) -> None:
    """The event is safe in the inbox: whatever happens here is logged and left to the sweep, the answer stands."""
    try:
        drain(settings.WEBHOOK_APPLY_BUDGET_MS)
    except Exception:
        log.exception("WEBHOOK_APPLY_FAILED", provider=provider, inbox_id=inbox_id)


def _refuse(provider: str, status: int, reason: str, **more: Any) -> HttpResponse:
    WEBHOOKS.labels(provider, str(status)).inc()
    return JsonResponse({"error": reason, **more}, status=status)

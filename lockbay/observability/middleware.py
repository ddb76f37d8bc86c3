"""Gives every request a correlation id and returns it in the answer."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from lockbay.observability.correlation import bind_correlation_id, unbind_correlation_id


class CorrelationIdMiddleware:
    """Binds X-Correlation-Id (or a fresh one) for the length of a request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        bound = bind_correlation_id(request.headers.get("X-Correlation-Id"))
        try:
            response = self.get_response(request)
        finally:
            unbind_correlation_id()
        response.headers["X-Correlation-Id"] = bound
        return response

"""The sandbox's web application: Bot API, provider, page; and the server that runs it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import escape
from string import Template
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from . import bot_api, page_api, payouts, provider
from .config import STATIC_FOLDER, TEMPLATES_FOLDER, SandboxConfig
from .errors import SandboxRefusal
from .runtime import Sandbox

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# an e-mail may style itself, but neither run nor fetch anything
EMAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups"


def create_app(config: SandboxConfig) -> Starlette:
    """The whole sandbox as an ASGI application; its parts hang at app.state.sandbox while it runs."""

    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        sandbox = Sandbox(config)
        app.state.sandbox = sandbox
        await sandbox.start()
        try:
            yield
        finally:
            await sandbox.stop()

    return Starlette(routes=_routes(), lifespan=run, exception_handlers={SandboxRefusal: _refuse})


class SandboxServer(uvicorn.Server):
    """A server that lets nobody wait in a long poll once it was asked to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called for SIGINT and SIGTERM."""
        self.close_polls()
        super().handle_exit(sig, frame)

    def close_polls(self) -> None:
        """Answers every long poll now."""
        app = self.config.app
        if isinstance(app, Starlette) and hasattr(app.state, "sandbox"):
            app.state.sandbox.close_from_thread()


def create_server(config: SandboxConfig, *, host: str, port: int) -> SandboxServer:
    """A server for the sandbox, not running yet."""
    return SandboxServer(
        uvicorn.Config(
            create_app(config),
            host=host,
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=2,
            # Longer than clients keep theirs (httpx: 5 s), or both hang up at once and an answer is lost.
            timeout_keep_alive=75,
        )
    )


async def show_page(request: Request) -> Response:
    """The page with the two phones."""
    config: SandboxConfig = request.app.state.sandbox.config
    values = {"bot_username": config.bot_username, "public_url": config.public_url, "sandbox_url": config.sandbox_url}
    template = Template((TEMPLATES_FOLDER / "page.html").read_text())
    page = template.substitute({name: escape(value) for name, value in values.items()})
    return HTMLResponse(page, headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store"})


async def show_email(request: Request) -> Response:
    """An e-mail's HTML, or its text where it has none; ?part=text shows the text."""
    email = request.app.state.sandbox.mailbox.find(request.path_params["email_id"])
    if email is None:
        return Response("Not Found", status_code=404)
    wants_text = request.query_params.get("part") == "text" or not email["html"]
    content = (
        Template((TEMPLATES_FOLDER / "email_text.html").read_text()).substitute(text=escape(email["text"]))
        if wants_text
        else email["html"]
    )
    return HTMLResponse(content, headers={"Content-Security-Policy": EMAIL_POLICY})


async def show_health(request: Request) -> Response:
    """Answers as soon as the sandbox runs."""
    return JSONResponse({"ok": True})


async def _refuse(request: Request, error: Exception) -> Response:
    if not isinstance(error, SandboxRefusal):
        raise error
    return JSONResponse({"error": error.code}, status_code=error.status)


def _routes() -> list[Route | Mount]:
    person = "/sandbox/api/people/{person}"
    return [
        Route("/", show_page),
        Route("/health", show_health),
        Route("/bot{token}/{method}", bot_api.call_method, methods=["GET", "POST"]),
        Route("/file/bot{token}/{path:path}", bot_api.download_file),
        Route("/provider/payments", provider.create_payment, methods=["POST"]),
        Route("/provider/payments/{payment_id}", provider.show_payment),
        Route("/provider/payouts", payouts.create_payout, methods=["POST"]),
        Route("/provider/payouts/{reference}", payouts.show_payout),
        Route("/provider/balances", payouts.show_balances),
        Route("/sandbox/emails/{email_id}", show_email),
        Route("/sandbox/files/{file_id}", page_api.show_file),
        Route("/sandbox/api/state", page_api.show_state),
        Route("/sandbox/api/people", page_api.add_person, methods=["POST"]),
        Route(f"{person}/messages", page_api.list_messages),
        Route(f"{person}/text", page_api.send_text, methods=["POST"]),
        Route(f"{person}/start", page_api.press_start, methods=["POST"]),
        Route(f"{person}/press", page_api.press_button, methods=["POST"]),
        Route(f"{person}/block", page_api.set_blocked, methods=["POST"]),
        Route("/sandbox/api/payments", page_api.list_payments),
        Route("/sandbox/api/payments/{payment_id}/pay", page_api.pay, methods=["POST"]),
        Route("/sandbox/api/payouts", payouts.list_payouts),
        Route("/sandbox/api/payouts/{reference}", payouts.act_on_payout, methods=["POST"]),
        Route("/sandbox/api/emails", page_api.list_emails),
        Route("/sandbox/api/clock", page_api.advance_clock, methods=["POST"]),
        Route("/sandbox/api/faults", page_api.order_faults, methods=["POST"]),
        Route("/sandbox/api/reset", page_api.reset, methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC_FOLDER)),
    ]

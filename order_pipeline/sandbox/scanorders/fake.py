"""A strict fake of ScanOrders (docs/apis/scanorders.md section 14): login by code, three workflow endpoints.

It never de-duplicates: the same create twice makes two fulfilments, and the ledger shows both. It offers no list,
search, cancel or delete. Here are routes and tokens; parameters and answers are in `workflows.py`.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from order_pipeline.sandbox.scanorders.store import Branch
from order_pipeline.sandbox.scanorders.workflows import (
    PARAMETERS,
    RefusalError,
    ScanOrdersSwitches,
    envelope,
    parse_body,
    refusal,
    run_workflow,
)
from order_pipeline.sandbox.shared.channel import UNLIMITED, Channel, World
from order_pipeline.sandbox.shared.oauth import CodeDesk, TokenDesk, TokenRefusedError, bearer_of
from order_pipeline.sandbox.shared.rate import RateGate

CLIENT_ID = "sandbox-picking-app"
CLIENT_SECRET = "sandbox-picking-secret"  # noqa: S105
ACCOUNTS = ("main", "north")
USER_IDS = {name: f"1700000000000x10000000000000000{number}" for number, name in enumerate(ACCOUNTS, start=1)}
WORKFLOW_ROOT = "/api/1.1/wf"
BRANCH_PREFIXES = {"live": "", "version-test": "/version-test"}


class ScanOrdersChannel(Channel):
    """The picking app: two accounts, each with two branches, and every token opens one account only.

    Who logs in is a person's choice in the browser; here the switch `account` says it.
    """

    name: ClassVar[str] = "scanorders"
    switches_type: ClassVar[type] = ScanOrdersSwitches
    switches: ScanOrdersSwitches

    def __init__(self, world: World, switches: ScanOrdersSwitches) -> None:
        super().__init__(world, switches)
        self.tokens = TokenDesk(world.clock, "bubble")
        self.codes = CodeDesk(world.clock)
        self._consents: dict[str, str] = {}
        self.gate = RateGate(world.clock)
        self.accounts = {account: self._branches(account) for account in ACCOUNTS}
        self.control_routes = [Route("/token", self._hand_out_token, methods=["POST"])]
        self.app = Starlette(
            routes=[
                *self._workflow_routes(),
                Route("/api/1.1/oauth/authorize", self._authorize, methods=["GET"]),
                Route("/api/1.1/oauth/access_token", self._access_token, methods=["POST"]),
            ],
            exception_handlers={RefusalError: answer_refusal, HTTPException: answer_http_error},
        )

    def _branches(self, account: str) -> dict[str, Branch]:
        prefix = self.name if account == ACCOUNTS[0] else f"{self.name}-{account}"
        return {name: Branch(self.world.journal(f"{prefix}-{name}")) for name in BRANCH_PREFIXES}

    def _workflow_routes(self) -> list[Route]:
        return [
            Route(f"{prefix}{WORKFLOW_ROOT}/{workflow}", self._workflow(workflow, branch), methods=["POST"])
            for branch, prefix in BRANCH_PREFIXES.items()
            for workflow in ("neworders", *(name for name in PARAMETERS if name != "neworders"))
        ]

    def revoke_tokens(self) -> None:
        """Every token of every account is refused from now on; a person must log in again."""
        self.tokens.revoke_all()

    def revoke_tokens_of(self, account: str) -> None:
        """The tokens of one account are refused from now on."""
        self.tokens.revoke_of(USER_IDS[account])

    def reset(self) -> None:
        """Empty branches; tokens stay valid."""
        super().reset()
        for branches in self.accounts.values():
            for branch in branches.values():
                branch.forget()

    def connection(self, url: str) -> dict[str, Any]:
        """The pipeline's `scanorders` settings for the live branch, with a new token."""
        return {
            "base_url": url,
            "branch": "",
            "access_token": self.issue_token(),
            "send": True,
            "allowed_order_numbers": None,
            "rate": UNLIMITED,
        }

    def ledger(self) -> dict[str, Any]:
        """The first account's live branch, its test branch beside it, and the other accounts by name."""
        first, *others = ({name: branch.ledger() for name, branch in each.items()} for each in self.accounts.values())
        accounts = {name: ledgers["live"] for name, ledgers in zip(ACCOUNTS[1:], others, strict=True)}
        return {**first["live"], "version_test": first["version-test"], "accounts": accounts}

    def issue_token(self, life_seconds: float | None = None, *, account: str = ACCOUNTS[0]) -> str:
        """A token without the login, for tests and the demo."""
        return self.tokens.issue(USER_IDS[account], life_seconds or self.switches.token_life_seconds).value

    async def _hand_out_token(self, request: Request) -> Response:
        account = request.query_params.get("account", ACCOUNTS[0])
        if account not in ACCOUNTS:
            raise HTTPException(404, f"no account {account}; there are {', '.join(ACCOUNTS)}")
        return json_response({"access_token": self.issue_token(account=account)})

    async def _authorize(self, request: Request) -> Response:
        query = request.query_params
        for name in ("client_id", "redirect_uri"):
            if not query.get(name):
                raise refusal(400, "MISSING_DATA", f"Missing parameter for workflow authorize: parameter {name}")
        redirect_uri = query["redirect_uri"]
        if query["client_id"] != CLIENT_ID:
            raise refusal(400, "INVALID", "Invalid value for workflow authorize: unknown client_id")
        if urlsplit(redirect_uri).scheme not in ("http", "https"):
            raise refusal(400, "INVALID", "Invalid value for workflow authorize: redirect_uri is no address")
        code = self.codes.issue(CLIENT_ID, redirect_uri)
        self._consents[code] = self.switches.account
        answer = {"code": code}
        if self.switches.echo_state and "state" in query:
            answer["state"] = query["state"]
        separator = "&" if urlsplit(redirect_uri).query else "?"
        return RedirectResponse(f"{redirect_uri}{separator}{urlencode(answer)}", status_code=302)

    async def _access_token(self, request: Request) -> Response:
        sent = parse_body(request.headers.get("content-type", ""), await request.body())
        for name in ("client_id", "client_secret", "redirect_uri", "code"):
            if not sent.get(name):
                raise refusal(400, "MISSING_DATA", f"Missing parameter for workflow access_token: parameter {name}")
        if (sent["client_id"], sent["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            raise unauthorized("INVALID_CLIENT", "Invalid client credentials")
        if not self.codes.redeem(str(sent["code"]), CLIENT_ID, str(sent["redirect_uri"])):
            raise refusal(400, "INVALID", "Invalid value for workflow access_token: the code is unknown, used or old")
        life, account = self.switches.token_life_seconds, self._consents.pop(str(sent["code"]), ACCOUNTS[0])
        token = self.issue_token(account=account)
        return json_response({"access_token": token, "expires_in": int(life), "uid": USER_IDS[account]})

    def _workflow(self, workflow: str, branch: str) -> Any:
        async def run(request: Request) -> Response:
            account = self._admit(request)
            headers = request.headers
            body = await request.body()
            sent = parse_body(headers.get("content-type", ""), body)
            payload = run_workflow(workflow, sent, body, self.accounts[account][branch], self.switches)
            return json_response(envelope(payload, self.switches.envelope))

        return run

    def _admit(self, request: Request) -> str:
        """Let the call in, or refuse it as the host does: rate, token, user, condition. The account of the token."""
        switches = self.switches
        if not self.gate.admits(switches.requests_per_second):
            headers = {} if switches.retry_after is None else {"retry-after": switches.retry_after}
            raise HTTPException(429, "Too many requests", headers)
        try:
            token = self.tokens.check(bearer_of(request.headers.get("authorization")))
        except TokenRefusedError as refused:
            raise unauthorized(refused.token, f"Invalid or expired token: {refused.token}") from refused
        if not switches.user_known:
            raise refusal(403, "PERMISSION_DENIED", "The user is missing or unknown in ScanOrders")
        if switches.not_run:
            raise RefusalError(400, {"status": "NOT_RUN", "message": "The condition of the workflow was not met"})
        return next(account for account, user in USER_IDS.items() if user == token.subject)


def unauthorized(code: str, translation: str) -> RefusalError:
    """401 in the observed shape; `translation` repeats the token, as the host does."""
    body = {"error_class": "Unauthorized", "args": {"code": code}, "message": None, "translation": translation}
    return RefusalError(401, body)


def json_response(content: dict[str, Any], status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


async def answer_refusal(_request: Request, error: Exception) -> Response:
    """A refusal as its body says."""
    assert isinstance(error, RefusalError)  # noqa: S101  (registered for this class only)
    return json_response(error.body, error.status)


async def answer_http_error(_request: Request, error: Exception) -> Response:
    """404 for an unknown name, 405 for a wrong verb, 429: JSON like every answer of this host."""
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for this class only)
    code = error.status_code
    body = msgspec.json.encode({"statusCode": code, "body": {"status": "ERROR", "message": error.detail}})
    return Response(body, code, dict(error.headers or {}), media_type="application/json")

"""The login page: a token is exchanged for a cookie that no script reads and no other site's request carries."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from order_pipeline.ui.visitors import SESSION_COOKIE, Role, Visitors

LOGIN_PATH, LOGOUT_PATH = "/login", "/logout"
FORM_TYPE = "application/x-www-form-urlencoded"
_MOST_BYTES = 4096
_POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"}
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">{head}
<title>Order pipeline</title>
<style>body {{ font: 16px system-ui; max-width: 26em; margin: 15vh auto; padding: 0 1em }}
input, button {{ font: inherit; padding: .4em; margin: .4em 0; width: 100%; box-sizing: border-box }}</style></head>
<body><h1>Order pipeline</h1>{body}</body></html>
"""
_FORM = """<p role="alert">{said}</p>
<form method="post" action="/login"><input type="hidden" name="next" value="{then}">
<label>Token of the UI<input type="password" name="token" autocomplete="current-password" autofocus required></label>
<button>Log in</button></form>"""
_WHO = """<p>You are in, as {role}. <a href="/">To the UI</a>, <a href="/desk">to the desk</a></p>
<form method="post" action="/logout"><button>Log out</button></form>"""
_WITHOUT_FORM = "<p>The login proxy named no user. Open the UI through it.</p>"


def ask_to_log_in(visitors: Visitors, then: str, said: str = "", status: int = 401) -> Response:
    """The page with the form; without a token in the settings it says who logs in instead."""
    form = _FORM.format(said=escape(said), then=escape(_own_path(then)))
    body = form if visitors.has_token_login else _WITHOUT_FORM
    return HTMLResponse(_PAGE.format(head="", body=body), status, _POLICY)


def show_who_is_in(role: Role) -> Response:
    """The page for who is in already, with the way out."""
    return HTMLResponse(_PAGE.format(head="", body=_WHO.format(role=escape(role))), headers=_POLICY)


def load_once_more(path: str) -> Response:
    """A page that asks for itself: after a link of another site the browser holds the cookie back, and then not."""
    refresh = f'<meta http-equiv="refresh" content="0; url={escape(_own_path(path))}">'
    return HTMLResponse(_PAGE.format(head=refresh, body="<p>One moment.</p>"), headers=_POLICY)


async def log_in(request: Request, visitors: Visitors) -> Response:
    """Exchange the form's token for a session; the answer leads to where the visitor wanted to go."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            return ask_to_log_in(visitors, "/", "That is no token.", 413)
    fields = parse_qs(body.decode("latin-1"))
    then = fields.get("next", ["/"])[0]
    role = visitors.role_of_token(fields.get("token", [""])[0])
    if role is None:
        return ask_to_log_in(visitors, then, "That is not the token.")
    answer = RedirectResponse(_own_path(then), 303)
    answer.set_cookie(
        SESSION_COOKIE,
        visitors.sessions.begin(role),
        max_age=int(visitors.sessions.seconds),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https" or request.headers.get("origin", "").startswith("https:"),
    )
    return answer


def log_out(request: Request, visitors: Visitors) -> Response:
    """End the session of the request."""
    visitors.sessions.end(request.cookies.get(SESSION_COOKIE, ""))
    answer = RedirectResponse(LOGIN_PATH, 303)
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    return answer


def _own_path(path: str) -> str:
    r"""The path, if it stays on this server; else the start page. `//host` and `/\\host` lead elsewhere."""
    is_own = path.startswith("/") and path[1:2] not in {"/", "\\"} and path.isprintable() and "\\" not in path
    return path if is_own else "/"

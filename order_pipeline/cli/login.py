"""`order-pipeline scanorders login`: a person's consent, once."""

from __future__ import annotations

import asyncio
import webbrowser

from order_pipeline.cli.output import fail, note
from order_pipeline.destinations import scanorders_login
from order_pipeline.http.errors import ApiError, NotConfigured
from order_pipeline.settings import load_settings


def login() -> None:
    """Authorise the pipeline to create picks: a person consents in the browser, once; the token is stored (mode 0600).

    Needs ORDER_PIPELINE_SCANORDERS__CLIENT_ID and __CLIENT_SECRET. ScanOrders renews nothing by itself: `doctor` warns
    before the login ends.
    """

    def show(url: str) -> None:
        note(f"Open this address in a browser and consent:\n{url}")
        webbrowser.open(url)

    try:
        stored = asyncio.run(scanorders_login.login(load_settings(), show))
    except NotConfigured as error:
        fail(str(error), "Set it in .env, then run the command again.", code=2)
    except (ApiError, scanorders_login.LoginTimeoutError) as error:
        fail(str(error), "Run the command again; nothing was stored.")
    except OSError as error:
        fail(f"The redirect address cannot be listened on: {error}", "Choose another port in SCANORDERS__REDIRECT_URI.")
    ends = f"until {stored.expires_at:%Y-%m-%d}" if stored.expires_at else "without a stated end"
    note(f"Logged in, {ends}.")

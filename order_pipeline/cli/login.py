"""`order-pipeline scanorders login`: a person's consent, once for each floor."""

from __future__ import annotations

import asyncio
import webbrowser
from typing import Annotated

import typer

from order_pipeline.cli.output import fail, note
from order_pipeline.destinations import scanorders_login
from order_pipeline.destinations.login_redirect import LoginTimeoutError
from order_pipeline.destinations.scanorders_token import of_floor
from order_pipeline.destinations.settings import setting_of
from order_pipeline.floors import MAIN, UnknownFloorError, known_floor
from order_pipeline.http.errors import ApiError, NotConfigured
from order_pipeline.settings import load_settings


def login(
    floor: Annotated[str, typer.Option(help="Whose account, where there are several floors.")] = MAIN,
) -> None:
    """Authorise the pipeline to create picks: a person consents in the browser, once; the token is stored (mode 0600).

    Needs ORDER_PIPELINE_SCANORDERS__CLIENT_ID and __CLIENT_SECRET (of a further floor ORDER_PIPELINE_FLOORS__NAME__...
    where they differ). ScanOrders renews nothing by itself: `doctor` warns before the login ends.
    """
    settings = load_settings()

    def show(url: str) -> None:
        note(f"Open this address in a browser and consent:\n{url}")
        webbrowser.open(url)

    try:
        floor = known_floor(floor, settings.floor_settings)
        stored = asyncio.run(scanorders_login.login(settings, show, floor=floor))
    except UnknownFloorError as error:
        fail(str(error), "Floors are made by ORDER_PIPELINE_FLOORS__NAME__...", code=2)
    except NotConfigured as error:
        fail(str(error), "Set it in .env, then run the command again.", code=2)
    except (ApiError, LoginTimeoutError) as error:
        fail(str(error), "Run the command again; nothing was stored.")
    except OSError as error:
        fail(
            f"The redirect address cannot be listened on: {error}",
            f"Choose another port in {setting_of(floor, 'REDIRECT_URI')}.",
        )
    ends = f"until {stored.expires_at:%Y-%m-%d}" if stored.expires_at else "without a stated end"
    note(f"Logged in{of_floor(settings, floor)}, {ends}.")

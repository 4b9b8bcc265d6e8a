"""What `doctor` asks online: one small, reading question to each API that is configured."""

from __future__ import annotations

import asyncio
from typing import Any

from order_pipeline.channels.channel import Probe, ProbeError
from order_pipeline.cli.findings import Finding, name_of_floor
from order_pipeline.destinations.scanorders import ScanOrdersClient
from order_pipeline.destinations.scanorders import open_transport as open_scanorders
from order_pipeline.destinations.scanorders_token import TokenKeeper, how_to_renew
from order_pipeline.destinations.settings import setting_of
from order_pipeline.http.environment import WrongEnvironment
from order_pipeline.http.errors import ApiError, NotConfigured, NotSent, PermanentError
from order_pipeline.settings import Settings

NO_ID = "0"
"""A ScanOrders id that cannot exist."""


def ask_online(settings: Settings) -> list[Finding]:
    """Ask each configured API; one that lacks settings is not asked, the other findings of `doctor` say so."""
    asked = [
        *(
            _ask(each.name, each.probe, settings.of_channel(each.name), f"ORDER_PIPELINE_{each.name.upper()}__")
            for each in settings.enabled_channels()
        ),
        *(
            _ask(name_of_floor(settings, floor), probe_of(floor), settings, setting_of(floor, ""))
            for floor in settings.floors_in_use()
        ),
    ]
    return [finding for finding in asked if finding is not None]


def _ask(name: str, probe: Probe[Any], settings: Any, prefix: str) -> Finding | None:
    """The finding about one API, whose variables have the prefix; None where settings are missing."""
    what = f"{name} online"
    try:
        return Finding(what, "ok", asyncio.run(_answer(probe, settings)))
    except WrongEnvironment as error:
        return Finding(what, "failed", str(error), "Correct the variable, then run `order-pipeline doctor` again.")
    except NotConfigured:
        return None
    except ApiError as error:
        detail = str(error).partition(" | next: ")[0]
        return Finding(what, "failed", detail, _next_step(prefix, probe, error))
    except ProbeError as error:
        return Finding(what, "failed", str(error), error.next_step)
    except ValueError as error:
        return Finding(what, "failed", str(error), "Correct this setting.")


async def _answer(probe: Probe[Any], settings: Any) -> str:
    return await probe.ask(settings)


def _next_step(prefix: str, probe: Probe[Any], error: ApiError) -> str:
    """The error's own advice, and by which variables it is followed where it names none."""
    if prefix in error.next_step:
        return error.next_step
    if isinstance(error, NotSent) or error.status == 404:
        names = probe.address
    elif isinstance(error, PermanentError):
        names = probe.credentials
    else:
        return error.next_step
    return f"{error.next_step} See {', '.join(prefix + name for name in names)}."


def probe_of(floor: str) -> Probe[Any]:
    """The question to a floor's ScanOrders account."""

    async def ask(settings: Settings) -> str:
        """Read an order that cannot exist; what is answered then is not documented, but a bad token is refused."""
        tokens = TokenKeeper(settings, floor)
        tokens.current()
        try:
            async with open_scanorders(settings, tokens, floor) as transport:
                await ScanOrdersClient(transport, settings.floor_settings[floor]).read_order(NO_ID)
        except PermanentError as error:
            if error.status == 401:
                error.next_step = how_to_renew(settings, floor)
            raise
        return "the token opens the order workflow"

    return Probe(ask, credentials=("ACCESS_TOKEN",), address=("BASE_URL", "BRANCH"))

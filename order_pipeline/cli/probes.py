"""What `doctor` asks online: one small, reading question to each API that is configured.

Belongs here: the questions, and which settings decide their answers. Does not belong here: mending anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from order_pipeline.channels.kibo import SearchQuery
from order_pipeline.channels.kibo.client import open_transport as open_kibo
from order_pipeline.channels.scansource import check_customers
from order_pipeline.channels.skroutz.client import open_transport as open_skroutz
from order_pipeline.channels.skroutz.client import read_order
from order_pipeline.cli.findings import Finding
from order_pipeline.destinations.scanorders import ScanOrdersClient
from order_pipeline.destinations.scanorders import open_transport as open_scanorders
from order_pipeline.destinations.scanorders_token import LOGIN_COMMAND, TokenKeeper
from order_pipeline.http.errors import ApiError, NotConfigured, NotSent, PermanentError
from order_pipeline.settings import Settings

NO_ORDER = "000000-0000000"
"""A Skroutz order that cannot exist."""
NO_ID = "0"
"""A ScanOrders id that cannot exist."""


class UnknownCustomersError(Exception):
    """ScanSource does not know some of the customer numbers."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A question, and the settings to look at when it fails: those that open the door, and those that say where it is.

    `ask` returns what its success proves.
    """

    name: str
    ask: Callable[[Settings], Awaitable[str]]
    credentials: tuple[str, ...]
    address: tuple[str, ...]


def ask_online(settings: Settings) -> list[Finding]:
    """Ask each configured API; one that lacks settings is not asked, the other looks of `doctor` say so."""
    findings: list[Finding] = []
    for probe in PROBES:
        if not getattr(getattr(settings, probe.name), "enabled", True):
            continue
        try:
            findings.append(_finding(probe, "ok", asyncio.run(_ask(probe, settings))))
        except NotConfigured:
            continue
        except ApiError as error:
            findings.append(_finding(probe, "failed", str(error).partition(" | next: ")[0], _next_step(probe, error)))
        except UnknownCustomersError as error:
            advice = (
                "Correct ORDER_PIPELINE_SCANSOURCE__CUSTOMER_NUMBERS, or ask ScanSource which ones this key may see."
            )
            findings.append(_finding(probe, "failed", str(error), advice))
        except ValueError as error:
            findings.append(_finding(probe, "failed", str(error), "Correct this setting."))
    return findings


async def _ask(probe: Probe, settings: Settings) -> str:
    return await probe.ask(settings)


def _finding(probe: Probe, state: str, detail: str, next_step: str = "") -> Finding:
    return Finding(f"{probe.name} online", state, detail, next_step)


def _next_step(probe: Probe, error: ApiError) -> str:
    """The error's own advice, and by which variables it is followed where it names none."""
    prefix = f"ORDER_PIPELINE_{probe.name.upper()}__"
    if prefix in error.next_step:
        return error.next_step
    if isinstance(error, NotSent) or error.status == 404:
        names = probe.address
    elif isinstance(error, PermanentError):
        names = probe.credentials
    else:
        return error.next_step
    return f"{error.next_step} See {', '.join(prefix + name for name in names)}."


async def _ask_kibo(settings: Settings) -> str:
    """Search for one order."""
    query = SearchQuery(manufacturer_ids=settings.kibo.manufacturer_ids, per_page=1)
    async with open_kibo(settings.kibo) as transport:
        await transport.request("GET", "/order/", params=query.parameters() | {"page": "1"})
    return "key and secret open the order search"


async def _ask_scansource(settings: Settings) -> str:
    """Ask for each customer number."""
    known = await check_customers(settings.scansource)
    unknown = [number for number, is_known in known.items() if not is_known]
    if unknown:
        raise UnknownCustomersError(f"the credentials are good, but no customer has the number {', '.join(unknown)}")
    return f"the credentials are good, and the customers exist: {', '.join(known)}"


async def _ask_skroutz(settings: Settings) -> str:
    """Read an order that cannot exist: only a good token is told so."""
    async with open_skroutz(settings.skroutz) as transport:
        await read_order(transport, NO_ORDER)
    return "the token opens the order API"


async def _ask_scanorders(settings: Settings) -> str:
    """Read an order that cannot exist; what is answered then is not documented, but a bad token is refused."""
    tokens = TokenKeeper(settings)
    tokens.current()
    try:
        async with open_scanorders(settings, tokens) as transport:
            await ScanOrdersClient(transport, settings.scanorders).read_order(NO_ID)
    except PermanentError as error:
        if error.status == 401:
            is_setting = settings.scanorders.access_token is not None
            renewed = "Put a new token into ORDER_PIPELINE_SCANORDERS__ACCESS_TOKEN, or unset it and run"
            error.next_step = f"{renewed if is_setting else 'Run'} `{LOGIN_COMMAND}`."
        raise
    return "the token opens the order workflow"


PROBES = (
    Probe("kibo", _ask_kibo, ("API_KEY", "API_SECRET"), ("BASE_URL", "TOKEN_URL")),
    Probe(
        "scansource",
        _ask_scansource,
        ("CLIENT_ID", "CLIENT_SECRET", "SCOPE"),
        ("PRESET", "BASE_URL", "TOKEN_URL", "PATHS"),
    ),
    Probe("skroutz", _ask_skroutz, ("TOKEN",), ("BASE_URL",)),
    Probe("scanorders", _ask_scanorders, ("ACCESS_TOKEN",), ("BASE_URL", "BRANCH")),
)

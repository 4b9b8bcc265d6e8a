"""The pages of the Kibo fake, as the peers read them: searches, kept connections, and calls that are asked again."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta

MANUFACTURERS = ("30211", "30212", "30307")
DAYS_A_MONTH = 31
CREDENTIALS = ("sandbox-kibo-key", "sandbox-kibo-secret")
MOST_TRIES = 6
"""As often as the pipeline's own client asks at default settings."""

_TOTAL = re.compile(rb'"totalCount"\s*:\s*"?(\d+)')


def searches(days: int, today: date) -> Iterator[dict[str, str]]:
    """Every manufacturer's every day; of a long time every month, as who needs no partitions by day would ask."""
    step = 1 if days <= DAYS_A_MONTH else DAYS_A_MONTH
    for manufacturer in MANUFACTURERS:
        for number in range(0, days, step):
            first = today - timedelta(days=days - number)
            last = min(first + timedelta(days=step), today) - timedelta(days=1)
            yield {
                "manufacturerID": manufacturer,
                "orderDateStart": f"{first}T00:00:00Z",
                "orderDateEnd": f"{last}T23:59:59Z",
            }


def total_of(body: bytes) -> int:
    """The count of orders that a page claims of its search."""
    found = _TOTAL.search(body)
    if found is None:
        raise ValueError("the page states no total")
    return int(found[1])


def access_token(url: str) -> str:
    """A token of the fake."""
    import httpx

    answer = httpx.post(
        f"{url}/kibo/oauthserver/oauth2/token", auth=CREDENTIALS, data={"grant_type": "client_credentials"}
    )
    return str(answer.raise_for_status().json()["access_token"])


def page_reader(url: str) -> Callable[[dict[str, str], int], bytes]:
    """Log in; a function that gets a page of a search, over one kept connection a thread.

    An answer of 429 or 5xx is asked for again, with a short wait that doubles.
    """
    import httpx

    headers = {
        "Authorization": f"Bearer {access_token(url)}",
        "API-Key": CREDENTIALS[0],
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
    }
    local = threading.local()

    def get(search: dict[str, str], page: int) -> bytes:
        client = getattr(local, "client", None)
        if client is None:
            client = local.client = httpx.Client(headers=headers, timeout=60)
        parameters = {**search, "page": str(page), "perPage": "100"}
        number = 1
        while True:
            reply = client.get(f"{url}/kibo/api/v2/order/", params=parameters)
            if number == MOST_TRIES or (reply.status_code != 429 and reply.status_code < 500):
                return reply.raise_for_status().content
            time.sleep(0.1 * 2**number)
            number += 1

    return get

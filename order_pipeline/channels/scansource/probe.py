"""The start-up probe of `doctor`: do key, token and customer numbers open the door?"""

from __future__ import annotations

from order_pipeline.channels.scansource.client import open_client
from order_pipeline.settings import ScanSourceSettings


async def check_customers(settings: ScanSourceSettings) -> dict[str, bool]:
    """Customer number -> whether ScanSource knows it; one call each (section 6).

    Raises:
        NotConfigured: if a credential is missing.
        ApiError: BadKey, BadToken and the others, with the next step.
    """
    async with open_client(settings) as client:
        return {number: await client.customer(number) is not None for number in settings.customer_numbers}

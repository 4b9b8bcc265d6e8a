"""`order-pipeline webhooks serve`: the receiver, until it is stopped."""

from __future__ import annotations

import logging
from contextlib import closing

from order_pipeline.cli.output import fail
from order_pipeline.operations.store import OperationsStore
from order_pipeline.recovery.stores import StoresDisagreeError, record_stores, require_stores_agree
from order_pipeline.settings import load_settings
from order_pipeline.webhooks import receiver, server


def serve() -> None:
    """Receive the channels' webhooks until interrupted: a body is durable in the inbox before it is answered 200.

    Needs ORDER_PIPELINE_WEBHOOKS__SECRET_PATH_TOKEN, the unguessable part of the URL that you give to the channel.
    Put a TLS proxy before it. It touches only the operations store, never the lake.
    """
    settings = load_settings()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        with closing(OperationsStore(settings.resolved_operations_url)) as store:
            found = require_stores_agree(settings, store)
            store.create_all()
            record_stores(settings, store, None, found)
        server.serve(settings)
    except StoresDisagreeError as error:
        fail(error.args[0], error.next_step)
    except receiver.ReceiverConfigurationError as error:
        fail(str(error), "Set it in .env or in the environment; .env.example shows how.", code=2)
    except OSError as error:
        fail(
            f"{settings.webhooks.host}:{settings.webhooks.port} cannot be used: {error}",
            "Choose another ORDER_PIPELINE_WEBHOOKS__PORT, or stop what listens there.",
        )

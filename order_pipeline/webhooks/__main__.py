"""`python -m order_pipeline.webhooks`: the receiver, with the settings of the environment."""

import logging

from order_pipeline.settings import load_settings
from order_pipeline.webhooks.server import serve

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    serve(load_settings())

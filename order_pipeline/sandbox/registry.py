"""The one list of fakes. A new one is a folder with a subclass of `Channel`, and one line here."""

from __future__ import annotations

from order_pipeline.sandbox.kibo.fake import KiboChannel
from order_pipeline.sandbox.scanorders.fake import ScanOrdersChannel
from order_pipeline.sandbox.scansource.fake import ScanSourceChannel
from order_pipeline.sandbox.shared.channel import Channel
from order_pipeline.sandbox.skroutz.fake import SkroutzChannel

CHANNELS: dict[str, type[Channel]] = {
    fake.name: fake for fake in (KiboChannel, ScanOrdersChannel, ScanSourceChannel, SkroutzChannel)
}

"""What was known of a pick line when it was sent: its basis in the outbox, and the raw versions that core stood on.

Raw keeps every version, so the answer is the same after upkeep has forgotten the lake's snapshots. What was erased of a
person is erased in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from order_pipeline.operations.store import OperationsStore
from order_pipeline.picking.outbox.basis import load_basis
from order_pipeline.picking.outbox.store import OutboxLine
from order_pipeline.settings import Settings
from order_pipeline.story.lake_facts import raw_versions
from order_pipeline.story.rows import Facts
from order_pipeline.warehouse.lake.connection import Lake


@dataclass(frozen=True, slots=True)
class AsSent:
    """What was known of one line.

    Attributes:
        basis: the row of `pick_basis`; None: the line was not sent, or by a version that kept none.
        versions: of raw: resource, record_id, content_sha256, fetched_at, bytes, payload, and `is_current`: whether
            no other version of the record came later.
        missing: how many of the versions that the basis names raw does not have.
    """

    basis: dict[str, Any] | None
    versions: list[Facts]
    missing: int = 0


def known_when_sent(settings: Settings, store: OperationsStore, lines: Sequence[OutboxLine]) -> dict[str, AsSent]:
    """What was known of each line, by pick id.

    Raises:
        LakeError: there is no lake.
    """
    with store.reading() as connection:
        kept = load_basis(connection, [line.pick_id for line in lines])
    with closing(Lake(settings).connect(read_only=True)) as lake:
        lake.begin()
        found: dict[str, AsSent] = {}
        for line in lines:
            basis = kept.get(line.pick_id)
            if basis is None:
                found[line.pick_id] = AsSent(None, [])
                continue
            named = {(record_id, sha256) for record_id, sha256 in json.loads(basis["raw_versions"])}
            every = raw_versions(lake, line.source, {record_id for record_id, _ in named})
            newest = {(each["resource"], each["record_id"]): each["content_sha256"] for each in every}
            versions = [
                each | {"is_current": newest[each["resource"], each["record_id"]] == each["content_sha256"]}
                for each in every
                if (each["record_id"], each["content_sha256"]) in named
            ]
            known = {(each["record_id"], each["content_sha256"]) for each in versions}
            found[line.pick_id] = AsSent(basis, versions, len(named - known))
    return found

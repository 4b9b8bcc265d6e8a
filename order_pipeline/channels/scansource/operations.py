"""ScanSource's operations as data: verb, path template and how sure we are of the path, for both generations.

They are the reads of docs/apis/scansource.md sections 1 and 3 to 6. An inferred path is replaced by a setting
(`ORDER_PIPELINE_SCANSOURCE__PATHS`), not by a change here. Operations that create, change or cancel an order are left
out on purpose and must stay out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Literal
from urllib.parse import quote

from order_pipeline.http.errors import NotBuilt
from order_pipeline.http.record_ids import problem_of_path_id

Grade = Literal["documented", "observed", "inferred"]
Generation = Literal["current", "legacy"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One read. Placeholders of the template are filled from the parameters; the rest goes into the query."""

    method: Literal["GET", "POST"]
    template: str
    grade: Grade

    def resolve(self, parameters: Mapping[str, str | None]) -> tuple[str, dict[str, str]]:
        """Path and query for these parameters; None values are left out.

        Raises:
            NotBuilt: a value that belongs into the path could make it another one.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        in_path = {name for _, name, _, _ in Formatter().parse(self.template) if name}
        for name in sorted(in_path):
            if problem := problem_of_path_id(given[name]):
                raise NotBuilt(f"{name}: {problem}", next_step="Look at the record that names it; nothing was asked.")
        path = self.template.format(**{name: quote(given[name], safe="") for name in in_path})
        return path, {name: value for name, value in given.items() if name not in in_path}


@dataclass(frozen=True, slots=True)
class Host:
    """Where one preset of one generation answers; no token URL: the key header alone opens it."""

    base_url: str
    token_url: str | None = None
    scope: str | None = None


_LOGIN = "https://login.microsoftonline.com"
_TOKEN_PATH = "oauth2/v2.0/token"  # noqa: S105 - a path

HOSTS: dict[tuple[Generation, Literal["production", "sandbox"]], Host] = {
    ("current", "production"): Host(
        "https://api.scansource.com",
        f"{_LOGIN}/scansourceb2c.onmicrosoft.com/{_TOKEN_PATH}",
        "https://scansourceb2c.onmicrosoft.com/a2eccdbd-b208-4e77-a82f-dddd1814309a/.default",
    ),
    ("current", "sandbox"): Host(
        "https://apitest.scansource.com",
        f"{_LOGIN}/scansourceb2cqas.onmicrosoft.com/{_TOKEN_PATH}",
        "https://scansourceb2cqas.onmicrosoft.com/8e3cf5bd-9d8d-407d-b0ac-0fbe2a3dab68/.default",
    ),
    ("legacy", "production"): Host("https://services.scansource.com/api"),
    ("legacy", "sandbox"): Host("https://services.scansource.com/apisandbox"),
}

OPERATIONS: dict[Generation, dict[str, Operation]] = {
    "current": {
        "order_list": Operation("GET", "/scsc/salesorder/v1/list", "observed"),
        "order_detail": Operation("GET", "/scsc/salesorder/v1/detail", "documented"),
        "order_tracking": Operation("GET", "/scsc/salesorder/v1/tracking", "inferred"),
        "order_serials": Operation("GET", "/scsc/salesorder/v1/serials", "inferred"),
        "invoice_summary": Operation("GET", "/scsc/invoice/v1/summary", "inferred"),
        "invoice_detail": Operation("GET", "/scsc/invoice/v1/detail", "observed"),
        "pricing": Operation("POST", "/scsc/product/v2/pricing", "observed"),
        "availability": Operation("POST", "/scsc/product/v2/availability", "inferred"),
        "customer": Operation("GET", "/scsc/customer/v1/{customerNumber}", "inferred"),
    },
    "legacy": {
        "order_list": Operation("GET", "/salesorder/list/{customerNumber}", "documented"),
        "order_detail": Operation("GET", "/salesorder/detail", "inferred"),
        "order_tracking": Operation("GET", "/salesorder/tracking", "inferred"),
        "order_serials": Operation("GET", "/salesorder/serials", "documented"),
        "invoice_summary": Operation("GET", "/invoice/summary/{customerNumber}", "documented"),
        "invoice_detail": Operation("GET", "/invoice/detail/{customerNumber}/{InvoiceNumber}", "documented"),
        "pricing": Operation("POST", "/product/pricing", "documented"),
        "availability": Operation("POST", "/product/availability", "documented"),
        "customer": Operation("GET", "/customer/{customerNumber}", "documented"),
    },
}


def operations_for(generation: Generation, replaced_paths: Mapping[str, str]) -> dict[str, Operation]:
    """The generation's operations with the paths that the settings replace.

    Raises:
        ValueError: if a setting names an operation that does not exist.
    """
    known = OPERATIONS[generation]
    unknown = sorted(set(replaced_paths) - set(known))
    if unknown:
        raise ValueError(f"scansource.paths names no operation: {', '.join(unknown)}; there are {', '.join(known)}")
    return {
        name: Operation(operation.method, replaced_paths.get(name, operation.template), operation.grade)
        for name, operation in known.items()
    }

"""The common order schema as pandera models: the one truth behind the DDL, Dagster's column schema and the checks."""

from order_pipeline.contracts.fulfilment import Parcels, SerialNumbers, ShipmentLines, Shipments
from order_pipeline.contracts.generate import (
    ColumnContract,
    Model,
    TableContract,
    contracts_fingerprint,
    create_table_statements,
    table_contract,
)
from order_pipeline.contracts.invoices import InvoiceLines, Invoices
from order_pipeline.contracts.orders import OrderLines, Orders
from order_pipeline.contracts.prices import Availability, Prices
from order_pipeline.contracts.reference import ItemLocations
from order_pipeline.contracts.rules import LONGEST_VALUE, MASK, ContractError, Rule, SqlRules, rules_as_sql
from order_pipeline.contracts.validation import find_failures

CORE_TABLES: dict[str, Model] = {
    "orders": Orders,
    "order_lines": OrderLines,
    "shipments": Shipments,
    "shipment_lines": ShipmentLines,
    "parcels": Parcels,
    "serial_numbers": SerialNumbers,
    "invoices": Invoices,
    "invoice_lines": InvoiceLines,
    "prices": Prices,
    "availability": Availability,
}
"""The ten core tables, parents before children."""

__all__ = [
    "CORE_TABLES",
    "LONGEST_VALUE",
    "MASK",
    "ColumnContract",
    "ContractError",
    "ItemLocations",
    "Model",
    "Rule",
    "SqlRules",
    "TableContract",
    "contracts_fingerprint",
    "create_table_statements",
    "find_failures",
    "rules_as_sql",
    "table_contract",
]

"""Values that no page, log or event may show, in every place that a contract calls personal."""

from order_pipeline.contracts import CORE_TABLES, table_contract
from order_pipeline.settings import Settings
from order_pipeline.warehouse.lake.connection import Lake

CANARY = "CANARY-OF-THE-TEST"


def plant_canaries(settings: Settings) -> None:
    """Write the canary into every personal text of every core table."""
    lake = Lake(settings)
    with lake.transaction("canaries") as connection:
        for table, model in CORE_TABLES.items():
            columns = [each for each in table_contract(model).columns if each.personal]
            planted = [f"{each.name} = '{CANARY}'" for each in columns if each.duckdb_type == "VARCHAR"]
            if planted:
                connection.execute(f"UPDATE core.{table} SET {', '.join(planted)}")
    lake.close()

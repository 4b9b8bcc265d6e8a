"""`marts/report`: the report as a file, its tables as a preview. It is made when somebody asks, in no other run."""

# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false, reportUnknownMemberType=false

from datetime import UTC, datetime

import dagster as dg

from order_pipeline.orchestration.resource import PipelineResource
from order_pipeline.orchestration.specs import MARTS_GROUP, OWNERS, REPORT_KEY, model_key
from order_pipeline.private_files import write_durably
from order_pipeline.report.figures import FIGURES, read_report
from order_pipeline.report.page import preview, report_page

FILE = "reports/report.html"
"""Below the data directory."""


def build_report_asset() -> dg.AssetsDefinition:
    """The report, over every mart that one of its figures names."""

    @dg.asset(
        key=REPORT_KEY,
        group_name=MARTS_GROUP,
        kinds={"html", "duckdb"},
        owners=OWNERS,
        deps=[model_key(*mart.split(".")) for mart in sorted({mart for figure in FIGURES for mart in figure.marts})],
        description=(
            "Backlog, holds, orders, cycle times, margin, channels, doubts and data quality as one HTML file, without "
            f"personal data: `{FILE}` in the data directory. `order-pipeline report` writes the same anywhere."
        ),
    )
    def report(pipeline: dg.ResourceParam[PipelineResource]) -> dg.MaterializeResult:
        pipeline.deploy_models()
        with pipeline.lake.snapshot() as connection:
            found = read_report(connection, datetime.now(UTC))
        file = pipeline.settings.data_dir / FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        write_durably(file, report_page(found).encode())
        return dg.MaterializeResult(
            metadata={
                "file": dg.MetadataValue.path(str(file)),
                "preview": dg.MarkdownMetadataValue(preview(found)),
                "snapshot of the lake": found.snapshot,
            }
        )

    return report

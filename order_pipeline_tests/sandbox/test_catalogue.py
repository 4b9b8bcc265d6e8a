"""The catalogue that all channels share, and the committed file of locations that is made from it."""

from pathlib import Path

from order_pipeline.sandbox.shared.catalogue import SOURCES, catalogue, ean13, item_locations_csv

COMMITTED = Path(__file__).parents[2] / "data" / "reference" / "demo_item_locations.csv"


def test_the_committed_locations_are_those_of_the_catalogue():
    regenerate = "run: python -m order_pipeline.sandbox.shared.catalogue data/reference/demo_item_locations.csv"
    assert COMMITTED.read_text(encoding="utf-8") == item_locations_csv(), regenerate


def test_ean13_gives_the_published_check_digits():
    assert ean13("400638133393") == "4006381333931"
    assert ean13("001234567890") == "0012345678905"


def test_barcodes_are_unique_valid_and_some_start_with_zero():
    barcodes = [product.barcode for product in catalogue()]
    assert len(set(barcodes)) == len(barcodes)
    assert all(ean13(barcode[:12]) == barcode for barcode in barcodes)
    assert any(barcode.startswith("0") for barcode in barcodes)


def test_item_numbers_are_unique_in_every_channel():
    for source in SOURCES:
        assert len({product.sku(source) for product in catalogue()}) == len(catalogue())


def test_about_three_in_a_hundred_products_cannot_be_located():
    gaps = [product.gap for product in catalogue()]
    assert set(gaps) == {"none", "no_row", "no_barcode", "no_bin"}
    assert 0.02 < sum(gap != "none" for gap in gaps) / len(gaps) < 0.04

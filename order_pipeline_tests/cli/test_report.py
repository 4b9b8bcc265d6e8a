"""`report`: the page of a demo, or the reason why there is none."""

import pytest

from order_pipeline_tests.shared_demo import run_command


@pytest.mark.costly
def test_the_report_of_a_demo_counts_its_orders(command, tmp_path):
    done = command("report", str(tmp_path / "report.html"))
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "not in the lake yet" not in page
    assert 'id="orders_by_day"' in page
    assert (tmp_path / "report.html").stat().st_mode & 0o077 == 0


def test_without_a_lake_it_says_what_to_do(tmp_path):
    done = run_command(tmp_path, "report", str(tmp_path / "report.html"))
    assert (done.returncode, "next:" in done.stderr) == (1, True)
    assert not (tmp_path / "report.html").exists()

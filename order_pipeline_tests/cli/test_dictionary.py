"""`dictionary`: the page is written where the person says, or the reason why not."""

import pytest

from order_pipeline_tests.shared_demo import run_command

pytestmark = pytest.mark.costly


def test_the_page_is_written_without_any_store(tmp_path):
    done = run_command(tmp_path / "data", "dictionary", str(tmp_path / "page.html"))
    assert done.returncode == 0, done.stderr
    assert "marts.order_status" in (tmp_path / "page.html").read_text("utf-8")
    assert not (tmp_path / "data").exists()


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    done = run_command(tmp_path, "dictionary", str(tmp_path / "no" / "page.html"))
    assert (done.returncode, "could not be written" in done.stderr) == (1, True)

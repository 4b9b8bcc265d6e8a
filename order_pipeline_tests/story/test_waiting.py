"""What waits for a person, and what does not."""

from contextlib import closing

from order_pipeline.operations.store import OperationsStore
from order_pipeline.settings import Settings
from order_pipeline.story.waiting import read_waiting
from order_pipeline_tests.picking.picks import MORNING, emit_rows, pick_row, states


def test_a_held_line_waits_until_it_leaves_the_list(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path)  # pyright: ignore[reportCallIssue]
    held = [pick_row(number, order=f"K{number}", bin_location=" ") for number in range(2)]
    with closing(OperationsStore(settings.resolved_operations_url)) as store:
        emit_rows(settings, store, held, run_id="first")
        emit_rows(settings, store, held[:1], run_id="second")
        assert set(states(store).values()) == {"held"}
        waiting = read_waiting(settings, MORNING)
        assert waiting.counts["holds"] == 1
        assert [hold.orders for hold in waiting.holds] == [["K0"]]

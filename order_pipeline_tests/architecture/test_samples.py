"""The fast run takes a sample of the costly tests, and the seeds of some commits take all of them."""

from order_pipeline_tests.samples import ONE_IN, is_sampled, sampled

FILES = [f"order_pipeline_tests/room/test_{number}.py" for number in range(200)]


def test_of_as_many_seeds_in_a_row_exactly_one_takes_a_file():
    for file in FILES:
        assert sum(is_sampled(file, seed) for seed in range(100, 100 + ONE_IN)) == 1


def test_each_seed_takes_about_its_share():
    for seed in range(ONE_IN):
        share = sum(is_sampled(file, seed) for file in FILES) / len(FILES)
        assert 0.5 / ONE_IN < share < 2 / ONE_IN


def test_a_matrix_keeps_all_its_cases_and_marks_those_that_are_not_sampled():
    cases = sampled(range(10), 3)
    assert [case.values for case in cases] == [(number,) for number in range(10)]
    assert sum(not case.marks for case in cases) == 3


def test_no_costly_test_of_a_file_outside_of_the_sample_is_in_the_fast_run(request):
    for item in request.session.items:
        if item.get_closest_marker("costly") and not is_sampled(item.nodeid.split("::", maxsplit=1)[0]):
            assert item.get_closest_marker("slow"), item.nodeid

"""How the tests themselves are run."""

import pytest


@pytest.mark.xdist_group("one")
def test_tests_that_share_a_server_or_a_training_are_in_one_worker(request: pytest.FixtureRequest) -> None:
    """Else each worker starts and trains its own, which takes minutes; the group is a part of the id then."""
    if request.config.getoption("loadgroup", False):
        assert request.node.nodeid.endswith("@one"), "pytest-xdist does not know the groups of this pytest"

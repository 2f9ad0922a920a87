"""What a soak is going to do to the product, before it does it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.soak import plan


@pytest.mark.parametrize("studies", [5, 30, 500])
def test_even_a_small_soak_meets_everything_that_can_go_wrong(studies: int) -> None:
    for seed in range(20):
        happenings = plan.happenings(seed, studies)
        assert {one.what for one in happenings} == set(plan.EVENTS)
        assert happenings == sorted(happenings, key=lambda one: one.number)
        assert all(before.after <= then.after < studies for before, then in pairwise(happenings))
        assert happenings == plan.happenings(seed, studies)

"""Tests of training share a machine: two threads, and no deadline on the first, slow call into torch."""

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("training", deadline=None)
hypothesis.settings.load_profile("training")


@pytest.fixture(autouse=True)
def two_threads():
    torch.set_num_threads(2)

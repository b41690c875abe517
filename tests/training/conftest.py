"""Tests of training share a machine: one thread, as a trial has, and no deadline on the first, slow call into torch."""

import os

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("training", deadline=None)
hypothesis.settings.load_profile("training")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(int(os.environ.get("HPSEARCH_TEST_THREADS", "1")))

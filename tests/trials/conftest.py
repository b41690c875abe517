"""One Ray for all tests of a file: starting it, and what its workers import, costs more than what most of them train."""

import pytest


@pytest.fixture(scope="module")
def one_ray():
    """The first run of a file starts Ray as it always does; the others find it running, and it is stopped at the end."""
    import ray

    init, shutdown = ray.init, ray.shutdown
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray, "init", lambda *given, **options: None if ray.is_initialized() else init(*given, **options))
        patch.setattr(ray, "shutdown", lambda *given: None)
        yield
    shutdown()

"""A folder of decoded images holds what its maker wrote: nothing of one who was killed, nothing half written."""

from pathlib import Path

import pytest

from hpsearch.training.data.store import sealed


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_is_not_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "key.part").mkdir()
    (tmp_path / "key.part" / "of-the-killed.npy").write_bytes(b"half")
    assert names(sealed(tmp_path, "key", lambda folder: (folder / "whole.npy").touch())) == ["whole.npy"]


def test_a_maker_that_fails_leaves_no_folder_and_the_next_one_makes_it(tmp_path: Path) -> None:
    def failing(folder: Path) -> None:
        (folder / "half.npy").touch()
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        sealed(tmp_path, "key", failing)
    assert names(tmp_path) == ["key.lock"]
    assert names(sealed(tmp_path, "key", lambda folder: (folder / "whole.npy").touch())) == ["whole.npy"]

"""Which filesystem a file is on. SQLite needs locks that network filesystems do not keep, and a memory that machines share."""

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from hpsearch.errors import Refused

NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "afpfs", "webdav", "davfs", "ncpfs"),
    *("lustre", "gpfs", "beegfs", "ceph", "glusterfs", "orangefs", "pvfs2", "panfs", "wekafs", "vastnfs", "fhgfs"),
    *(f"fuse.{name}" for name in ("sshfs", "s3fs", "gcsfuse", "rclone", "goofys", "mount-s3", "blobfuse", "blobfuse2", "davfs2")),
    *(f"fuse.{name}" for name in ("glusterfs", "ceph", "ceph-fuse", "juicefs", "seaweedfs", "lizardfs", "mfs", "curvefs")),
}
Mount = tuple[str, str]  # where, and the name of its filesystem


def mounts() -> list[Mount]:
    """All mounts of this machine in the order in which they were made; none where they cannot be read."""
    try:
        return [(each.mountpoint, each.fstype) for each in psutil.disk_partitions(all=True)]
    except (OSError, psutil.Error):
        return []


def filesystem(path: Path, known: Iterable[Mount]) -> str:
    """The name of the filesystem a path is on or would be on, as the mounts say; empty where they do not.

    >>> filesystem(Path("/home/me/runs/h.db"), [("/", "ext4"), ("/home", "nfs4"), ("/home/me2", "xfs")])
    'nfs4'
    """
    own, found = Path(os.path.realpath(path)), ("", "")
    for where, name in known:  # of two at one place the later one hides the other
        if own.is_relative_to(where) and len(where) >= len(found[0]):
            found = (where, name)
    return found[1]


def refuse_network(file: Path, known: Iterable[Mount] | None = None) -> None:
    """Refuse an SQLite file on a filesystem of the network: two drivers could both think that they are alone."""
    name = filesystem(file, mounts() if known is None else known)
    if name.lower() in NETWORK:
        raise Refused(
            f"the record at {file} would be an SQLite file on a network filesystem ({name}), whose locks it cannot trust: name a "
            "file on a local disk or a PostgreSQL URL with --record; the trials' files may stay there, with --folder"
        )

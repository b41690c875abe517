"""SQLite on a filesystem of the network is refused, as the system's own list of mounts says it."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hpsearch.errors import Refused
from hpsearch.results.mounts import filesystem, mounts, refuse_network

LISTED = """\
/dev/vda / ext4 rw,relatime 0 0
tmpfs /tmp tmpfs rw 0 0
server:/home /home nfs4 rw,vers=4.2 0 0
//server/share /mnt/my\\040share cifs rw 0 0
o2ib:/scratch /scratch lustre rw,flock 0 0
gpfs1 /gpfs gpfs rw 0 0
beegfs_nodev /mnt/beegfs beegfs rw 0 0
me@server: /mnt/ssh fuse.sshfs rw 0 0
overlay /home/me/local overlay rw 0 0
/dev/sdb /scratch/disk xfs rw 0 0
server:/x /covered nfs rw 0 0
/dev/sdc /covered ext4 rw 0 0
"""


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of mounts as Linux would give it."""
    if sys.platform != "linux":
        pytest.skip("mounts are listed in a file on Linux only")
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mounts").write_text(LISTED)
    (tmp_path / "filesystems").write_text("nodev\ttmpfs\n\text4\n")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))


NETWORKS = {
    "/home/me/runs/h.db": "nfs4",
    "/mnt/my share/h.db": "cifs",
    "/scratch/h.db": "lustre",
    "/gpfs/a/h.db": "gpfs",
    "/mnt/beegfs/h.db": "beegfs",
    "/mnt/ssh/h.db": "fuse.sshfs",
}
LOCALS = {
    "/root/runs/h.db": "ext4",
    "/tmp/h.db": "tmpfs",
    "/home/me/local/h.db": "overlay",
    "/scratch/disk/h.db": "xfs",
    "/scratched/h.db": "ext4",
    "/covered/h.db": "ext4",
}


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize("place", NETWORKS | LOCALS)
def test_the_filesystem_of_a_record(place: str) -> None:
    assert filesystem(Path(place), mounts()) == {**NETWORKS, **LOCALS}[place]
    if place in LOCALS:
        refuse_network(Path(place))
        return
    with pytest.raises(Refused, match=f"network filesystem \\({NETWORKS[place]}\\).*local disk or a PostgreSQL URL with --record"):
        refuse_network(Path(place))


MOUNTED = """
import ctypes, os, subprocess, sys
place = sys.argv[1]
libc, device = ctypes.CDLL(None, use_errno=True), os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
if libc.mount(b"me@server:", place.encode(), b"fuse.sshfs", 0, options):
    sys.exit(77)
os.close(device)  # nobody serves it: what looks into it fails, and nothing hangs
done = subprocess.run([sys.executable, "-m", "hpsearch", *sys.argv[2:]], capture_output=True, text=True)
print(done.returncode, done.stderr)
"""


def test_a_real_mount_is_known_before_it_is_touched(tmp_path: Path) -> None:
    """A mount of sshfs without its server, in a space of mounts of its own: also a server that is down must not hang the command."""
    if sys.platform != "linux" or os.geteuid() or not Path("/dev/fuse").exists():
        pytest.skip("only root may mount, and only where there is FUSE")
    place, study = tmp_path / "mounted", tmp_path / "own.py"
    place.mkdir()
    (tmp_path / "mount.py").write_text(MOUNTED)
    new = subprocess.run([sys.executable, "-m", "hpsearch", "new", str(study), "--own"], capture_output=True, check=False)
    assert new.returncode == 0
    words = [str(place), "run", str(study), "--here", "--record", str(place / "h.db")]
    command = ["unshare", "--mount", sys.executable, str(tmp_path / "mount.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"mounting is not allowed here: {done.stderr}")
    assert done.stdout.startswith("2 hpsearch: the record at"), done.stdout + done.stderr
    assert "(fuse.sshfs)" in done.stdout

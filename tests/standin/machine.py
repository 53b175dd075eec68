"""A whole arm64 machine of 1 GB under QEMU, with a kernel of its own: it runs out of memory, and can be switched off.

A fixture of tests and nothing more: kernel and QEMU come from Debian's packages, the system is that of stand-ins.
"""

import contextlib
import gzip
import lzma
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebench import devices
from edgebench.measure import planting
from edgebench.standin import emulator, making, rootfs
from edgebench.standin.emulator import Tool
from edgebench.standin.making import PORT, Standin
from edgebench.standin.packages import Source, unpack

MEMORY_MIB = 1024

_SYSTEM = Tool(package="qemu-system-arm", path="usr/bin/qemu-system-aarch64", library=True)
_MODULES = ("failover", "net_failover", "virtio_net", "virtio_blk")  # the cloud kernel has the rest built in
_IMAGE = "1200M"
_START_S = 120
_POLL_S = 0.1
_INIT = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in MODULES; do insmod /modules/$module.ko; done
while [ ! -e /dev/vda ]; do sleep 0.1; done
mount -t ext4 /dev/vda /root
ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
for place in proc sys dev; do mount --move /$place /root/$place; done
mkdir -p /root/dev/shm
ln -s /proc/self/fd /root/dev/fd
exec switch_root /root /usr/sbin/sshd -D -e -f /etc/edgebench/sshd_config
""".replace("MODULES", " ".join(_MODULES))


class MachineError(Exception):
    """Something that a machine needs is missing here; tests skip with this as their reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine that can be switched on: QEMU's command, and the stand-in whose keys and address it has."""

    standin: Standin
    command: tuple[str, ...]
    environment: dict[str, str]
    log: Path

    @contextlib.contextmanager
    def on(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Switch it on as it was made, and off in the end; what it wrote to its disk is forgotten."""
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )
        try:
            self._await(process)
            yield process
        finally:
            process.kill()
            process.wait()

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _START_S
        while b"Server listening" not in self.log.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise MachineError(f"the machine did not start: {self.log.read_text(errors='replace')[-500:]}")
            time.sleep(_POLL_S)


def made(folder: Path, backends: Sequence[str]) -> Machine:
    """Make a machine below a folder: some 20 s. Raise MachineError where that cannot be."""
    if os.getuid() != 0:
        raise MachineError("the disk of a machine holds files of several users: that takes root")
    if shutil.which("mke2fs") is None:
        raise MachineError("no mke2fs here: on Debian or Ubuntu, apt install e2fsprogs")
    qemu = emulator.command(_SYSTEM, folder, _silent)
    root = rootfs.prepared(folder, _silent)
    standin = Standin(name="machine", folder=folder / "machine")
    making.make(standin, devices.find("rpi4"), "namespace", "cortex-a72")
    board = planting.machine(standin.name, root.python, root.python_version, root.glibc, standin.home)
    planting.plant(standin.home, board, backends, _silent, folder / "pip")
    making.give(standin, "namespace")
    kernel, initrd = _kernel(folder)
    image = _image(standin, root.path)
    command = [
        *qemu,
        *("-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", str(MEMORY_MIB), "-nographic", "-no-reboot"),
        *("-kernel", str(kernel), "-initrd", str(initrd), "-append", "console=ttyAMA0 panic=-1 quiet"),
        *("-snapshot", "-drive", f"if=none,id=disk,file={image},format=raw", "-device", "virtio-blk-pci,drive=disk"),
        *("-netdev", f"user,id=net,restrict=on,hostfwd=tcp:{standin.address}:{PORT}-:{PORT}"),
        *("-device", "virtio-net-pci,netdev=net,romfile="),
    ]
    return Machine(
        standin=standin,
        command=tuple(command),
        environment={**os.environ, "QEMU_MODULE_DIR": str(Path(qemu[2]) / "qemu")},
        log=folder / "machine.log",
    )


def archive(files: dict[str, tuple[int, bytes]]) -> bytes:
    """Return an archive as the kernel unpacks it (Documentation/driver-api/early-userspace/buffer-format.rst, newc)."""
    parts = []
    for number, (name, (mode, content)) in enumerate([*files.items(), ("TRAILER!!!", (0, b""))], 1):
        spelt = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(spelt), 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + spelt
        parts += [head, b"\0" * (-len(head) % 4), content, b"\0" * (-len(content) % 4)]
    return b"".join(parts)


def _kernel(folder: Path) -> tuple[Path, Path]:
    """Return a kernel and the archive of programs that it begins with."""
    place = folder / "kernel"
    source = Source(release=rootfs.RELEASE, architecture="arm64")
    packages = unpack(source, ["linux-image-cloud-arm64", "busybox-static"], place, say=_silent)
    assert any(re.fullmatch(r"linux-image-[\d.]+.*-cloud-arm64", package.name) for package in packages)
    (kernel,) = place.glob("boot/vmlinuz-*")
    folder_mode, program_mode = 0o040755, 0o100755
    files = dict.fromkeys(("bin", "dev", "modules", "proc", "root", "sys"), (folder_mode, b""))
    files["bin/busybox"] = (program_mode, next(place.glob("**/bin/busybox")).read_bytes())
    files["init"] = (program_mode, _INIT.encode())
    for module in _MODULES:
        (path,) = place.glob(f"**/{module}.ko*")
        content = path.read_bytes()
        files[f"modules/{module}.ko"] = (program_mode, lzma.decompress(content) if path.suffix == ".xz" else content)
    initrd = folder / "initrd.gz"
    initrd.write_bytes(gzip.compress(archive(files), 1))
    return kernel, initrd


def _image(standin: Standin, root: Path) -> Path:
    """Return a disk with the shared root and what a stand-in binds over it."""
    stage, image = standin.folder / "stage", standin.folder / "disk.img"
    subprocess.run(["cp", "--archive", str(root), str(stage)], check=True)
    for name in ("passwd", "group"):
        shutil.copy(standin.folder / "etc" / name, stage / "etc" / name)
    shutil.copytree(standin.folder / "own", stage / "etc" / "edgebench", dirs_exist_ok=True)
    (stage / "home" / "pi").rmdir()
    subprocess.run(["cp", "--archive", str(standin.home), str(stage / "home" / "pi")], check=True)
    config = stage / "etc" / "edgebench" / "sshd_config"
    lines = config.read_text().replace(f"ListenAddress {standin.address}", "ListenAddress 0.0.0.0").splitlines(True)
    # It is what its kernel says it is: only boards.toml may call it emulated.
    config.write_text("".join(line for line in lines if not line.startswith("SetEnv ")))
    shutil.rmtree(stage / "dev")
    (stage / "dev").mkdir()
    (stage / "tmp").chmod(0o1777)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", str(stage), str(image), _IMAGE], check=True)
    shutil.rmtree(stage)
    return image


def _silent(_: str) -> None:
    pass

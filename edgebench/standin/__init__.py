"""Boards that need no board: an arm64 system from Debian's packages, run under QEMU. It knows nothing of measuring."""

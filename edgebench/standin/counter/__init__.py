"""Exact counts of what an AArch64 processor executes: a plugin for QEMU, and what its words mean."""

"""Carry standard input and output to an address and back: ssh's way into a network namespace (`ProxyCommand`)."""

import os
import select
import socket
import sys

_CHUNK_BYTES = 2**16


def main() -> None:
    """Relay until one side has no more to say."""
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as peer:
        peer.settimeout(None)
        while True:
            for source in select.select([0, peer.fileno()], [], [])[0]:
                chunk = os.read(source, _CHUNK_BYTES)
                if not chunk:
                    return
                if source:
                    os.write(1, chunk)
                else:
                    peer.sendall(chunk)


if __name__ == "__main__":
    main()

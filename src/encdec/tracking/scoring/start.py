"""Starts the gate in so many processes; run by its path, so that only the model's own package `encdec` is found.

`uvicorn --workers 2` makes its socket in a way that leaves Nagle's algorithm on: each answer, which is sent in two
parts, then waits 40 ms for the client's delayed acknowledgement. What the listening socket is told here, each
connection inherits.
"""

import argparse
import socket

import uvicorn
from uvicorn.supervisors.multiprocess import Multiprocess


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    given = parser.parse_args()
    config = uvicorn.Config(
        "gate:served", factory=True, host=given.host, port=given.port, workers=given.workers, log_level="warning"
    )
    server, listener = uvicorn.Server(config), config.bind_socket()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if given.workers > 1:
        Multiprocess(config, sockets=[listener]).run()
    else:
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()

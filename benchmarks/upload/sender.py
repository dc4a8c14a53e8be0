"""`python -m benchmarks.upload.sender PORT REQUEST BYTES`: sends a recording as fast as it goes; prints the seconds.

A process of its own with a blocking socket, so that what is measured is the server. REQUEST is a JSON object with
`method`, `path`, `headers`, and what stands `before` and `after` the recording in the body.
"""

import json
import os
import socket
import sys
import time

from tests.fixtures.audio import tone_wav

BLOCK = 1024 * 1024


def main() -> None:
    port, request, size = int(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])
    before, after = request.get("before", "").encode(), request.get("after", "").encode()
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Content-Length": str(len(before) + size + len(after)),
        "Connection": "close",
        **request["headers"],
    }
    lines = [f"{request['method']} {request['path']} HTTP/1.1", *(f"{n}: {v}" for n, v in headers.items())]
    block = os.urandom(BLOCK)
    wav = tone_wav(0.1)
    first = (wav + block)[: min(BLOCK, size)]
    with socket.create_connection(("127.0.0.1", port)) as connection:
        began = time.perf_counter()
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + before + first)
        left = size - len(first)
        while left:
            piece = block if left >= BLOCK else block[:left]
            connection.sendall(piece)
            left -= len(piece)
        connection.sendall(after)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    seconds = time.perf_counter() - began
    head, _, body = answer.decode("latin-1").partition("\r\n\r\n")
    status = int(head.split()[1])
    found = {
        name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])
    }
    print(json.dumps({"seconds": seconds, "status": status, "headers": found, "body": body[:400]}))


if __name__ == "__main__":
    main()

"""A small load generator: `python -m benchmarks.load PORT CONNECTIONS`, requests as JSON lines on stdin.

It has a process of its own, so that it shares no interpreter with what it measures; it sends each request once, over
keep-alive connections on the loopback interface, and prints one JSON line: seconds, statuses, latencies. It writes
prepared bytes to sockets, because it shares the processor with the server.
"""

import collections
import json
import socket
import sys
import threading
import time


def main() -> None:
    """Reads everything first, then starts the clock."""
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    requests = [request_of(*json.loads(line)) for line in sys.stdin]
    statuses: collections.Counter[int] = collections.Counter()
    taken: list[float] = []
    opened = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(connections)]
    lanes = [
        threading.Thread(target=send, args=(connection, requests[place::connections], statuses, taken))
        for place, connection in enumerate(opened)
    ]
    start = time.perf_counter()
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    print(json.dumps({"seconds": time.perf_counter() - start, "statuses": statuses, "latencies": sorted(taken)}))


def request_of(body: str, signature: str) -> bytes:
    """The request as it goes over the wire."""
    head = (
        "POST /hooks/sandbox HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Sandbox-Signature: {signature}\r\nContent-Length: {len(body.encode())}\r\n\r\n"
    )
    return (head + body).encode()


def send(
    connection: socket.socket, requests: list[bytes], statuses: "collections.Counter[int]", taken: list[float]
) -> None:
    """One connection's share, one request after the other."""
    with connection:
        for request in requests:
            start = time.perf_counter()
            connection.sendall(request)
            statuses[read_status(connection)] += 1
            taken.append(time.perf_counter() - start)


def read_status(connection: socket.socket) -> int:
    """Reads one whole answer. Raises: ConnectionError when the server hangs up before its end."""
    answer = b""
    while True:
        answer += (part := connection.recv(65_536))
        if not part:
            raise ConnectionError("the server hung up")
        head, found, body = answer.partition(b"\r\n\r\n")
        if found and len(body) >= length_of(head):
            return int(head.split(b" ", 2)[1])


def length_of(head: bytes) -> int:
    """The body's length as the header says it; both servers say it."""
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])


if __name__ == "__main__":
    main()

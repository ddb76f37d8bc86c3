"""A small load generator: `python -m benchmarks.load PORT CONNECTIONS`, requests as JSON lines on stdin.

It has a process of its own, so that it shares no interpreter with what it measures; it sends each request once, over
keep-alive connections on the loopback interface, and prints one JSON line: seconds, statuses, latencies.
"""

import collections
import http.client
import json
import sys
import threading
import time


def main() -> None:
    """Reads everything first, then starts the clock."""
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    requests = [json.loads(line) for line in sys.stdin]
    statuses: collections.Counter[int] = collections.Counter()
    taken: list[float] = []
    opened = [http.client.HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(connections)]
    for connection in opened:
        connection.connect()
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


def send(
    connection: http.client.HTTPConnection,
    requests: list[list[str]],
    statuses: "collections.Counter[int]",
    taken: list[float],
) -> None:
    """One connection's share, one request after the other."""
    for body, signature in requests:
        start = time.perf_counter()
        headers = {"Content-Type": "application/json", "X-Sandbox-Signature": signature}
        connection.request("POST", "/hooks/sandbox", body, headers)
        answer = connection.getresponse()
        answer.read()
        taken.append(time.perf_counter() - start)
        statuses[answer.status] += 1
    connection.close()


if __name__ == "__main__":
    main()

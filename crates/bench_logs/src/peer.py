"""Answers the benchmark's questions with DuckDB. Started by peer.rs, which says what it sends.

Reads one JSON object a line from standard input, and answers each with one line on standard output.
"""

import json
import sys
import time
import uuid

import duckdb

DATABASE, THREADS = sys.argv[1], sys.argv[2]

# Sorted by seq, as the rows of the log are. Texts that repeat are compressed with a dictionary by DuckDB itself.
TABLE = """
CREATE TYPE environment AS ENUM ('sandbox', 'dev', 'prod');
CREATE TYPE recorded AS ENUM ('gateway', 'verify', 'public_api');
CREATE TABLE log (
    seq BIGINT, id UUID, arrived BIGINT, root VARCHAR, client VARCHAR, brand VARCHAR, environment environment,
    key VARCHAR, last_four VARCHAR, recorded recorded, method VARCHAR, path VARCHAR, status USMALLINT,
    verdict VARCHAR, duration BIGINT, upstream BIGINT, address VARCHAR, agent VARCHAR
)
"""


def plain(value):
    return value.hex if isinstance(value, uuid.UUID) else value


def connect(read_only):
    return duckdb.connect(DATABASE, read_only=read_only, config={"threads": THREADS})


def load(csv):
    connection = connect(False)
    connection.execute(TABLE)
    connection.execute(
        "INSERT INTO log SELECT * FROM read_csv(?, header = false, columns = "
        "{'seq': 'BIGINT', 'id': 'UUID', 'arrived': 'BIGINT', 'root': 'VARCHAR', 'client': 'VARCHAR', 'brand': 'VARCHAR', "
        "'environment': 'VARCHAR', 'key': 'VARCHAR', 'last_four': 'VARCHAR', 'recorded': 'VARCHAR', "
        "'method': 'VARCHAR', 'path': 'VARCHAR', 'status': 'USMALLINT', 'verdict': 'VARCHAR', 'duration': 'BIGINT', "
        "'upstream': 'BIGINT', 'address': 'VARCHAR', 'agent': 'VARCHAR'}) ORDER BY seq",
        [csv],
    )
    connection.execute("CHECKPOINT")
    connection.close()


def main():
    connection = None
    for line in sys.stdin:
        request = json.loads(line)
        if "load" in request:
            load(request["load"])
            answer = {"millis": 0, "results": []}
        else:
            if request["first"] or connection is None:
                if connection is not None:
                    connection.close()
                connection = connect(True)
            begun = time.perf_counter()
            results = [connection.execute(text).fetchall() for text in request["statements"]]
            millis = (time.perf_counter() - begun) * 1e3
            answer = {
                "millis": millis,
                "results": [[[plain(value) for value in row] for row in rows] for rows in results],
            }
        answer["version"] = duckdb.__version__
        print(json.dumps(answer), flush=True)


main()

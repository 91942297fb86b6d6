#!/usr/bin/env python3
"""Writes tests/newer_tables: tables of samples/fleet with columns of types that this version has none of, written by DuckDB.

Needs duckdb, which the tests do not:

    python3 -m venv target/duckdb && target/duckdb/bin/pip install duckdb
    target/duckdb/bin/python tests/newer_tables.py
"""

import pathlib

import duckdb

ROOT = pathlib.Path(__file__).resolve().parent.parent
PART = "parts/123456789012.eu-west-1.reports-batch.20261123T000000000Z"
TABLES = {"facts": f"{PART}.parquet", "readings": f"{PART}.readings.parquet", "metrics": "metrics/*.parquet"}
ADDED = [
    "DATE '2026-11-23' AS a_date",
    "TIME '12:00:01' AS a_time",
    "TIMESTAMPTZ '2026-11-23 12:00:01Z' AS a_timestamp",
    "INTERVAL 3 HOUR AS an_interval",
    "{'key': 'a', 'value': 1} AS a_struct",
    "MAP {'a': [1, 2]} AS a_map",
    "[['a'], []] AS lists",
    "'a'::ENUM ('a', 'b') AS an_enum",
    "1.25::DECIMAL(9, 2) AS a_decimal",
    "170141183460469231731687303715884105727::HUGEINT AS a_large_number",
    "'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::UUID AS an_identifier",
    "'\\xFF'::BLOB AS bytes",
    "1::UTINYINT AS a_small_number",
    "1.5::FLOAT AS a_float",
]

for name, files in TABLES.items():
    to = ROOT / "tests" / "newer_tables" / f"{name}.parquet"
    duckdb.sql(f"SELECT *, {', '.join(ADDED)} FROM '{ROOT / 'samples' / 'fleet' / files}'").write_parquet(str(to), compression="zstd")

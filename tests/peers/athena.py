"""Runs the statements of samples/athena/bundle.sql with DuckDB on copied tables: `athena.py SQL FOLDER`.

Prints the rows of each query, as JSON. Only what Athena and DuckDB spell differently is changed: external tables become views, and the
pseudo-column "$path" is called filename.
"""

import json
import re
import sys

import duckdb

TYPES = {"string": "VARCHAR", "bigint": "BIGINT", "boolean": "BOOLEAN"}
TABLE = re.compile(
    r"CREATE EXTERNAL TABLE (\w+) \((.*?)\)\s+STORED AS PARQUET\s+LOCATION 's3://BUCKET/athena/([^']+)'", re.DOTALL
)


def view(table, folder):
    name, columns, location = table.groups()
    columns = re.findall(r"`(\w+)` (\w+)", columns)
    cast = ", ".join(f'CAST("{column}" AS {TYPES[kind]}) AS "{column}"' for column, kind in columns)
    files = f"read_parquet('{folder}/{location}*', filename = true)"
    return f"CREATE VIEW {name} AS SELECT {cast}, filename FROM {files}"


sql, folder = sys.argv[1:]
with open(sql, encoding="utf-8") as file:
    text = re.sub(r"^--.*$", "", file.read(), flags=re.MULTILINE)
queries = []
for statement in filter(None, map(str.strip, text.split(";"))):
    table = TABLE.fullmatch(statement)
    done = duckdb.sql(view(table, folder) if table else statement.replace('"$path"', "filename"))
    if statement.startswith("SELECT"):
        queries.append(done.fetchall())
json.dump(queries, sys.stdout)

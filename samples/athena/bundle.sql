-- Tables of Amazon Athena for an evidence bundle. src/bundle/README.md describes how to copy a bundle for them, and its columns.

CREATE EXTERNAL TABLE ssl_usage_facts (
  `instance` string,
  `source` string,
  `hour` bigint,
  `event` string,
  `transport` string,
  `tls_version` string,
  `cipher` string,
  `user` string,
  `database` string,
  `address` string,
  `application` string,
  `auth_method` string,
  `cause` string,
  `system` boolean,
  `count` bigint,
  `first_seen` bigint,
  `last_seen` bigint,
  `open_from` bigint,
  `open_to` bigint,
  `log` string
)
STORED AS PARQUET
LOCATION 's3://BUCKET/athena/facts/';

CREATE EXTERNAL TABLE ssl_usage_log_reads (
  `collected_at` bigint,
  `source` string,
  `log` string,
  `format` string,
  `listed_bytes` bigint,
  `last_written` bigint,
  `read_bytes` bigint,
  `span_from` bigint,
  `span_to` bigint,
  `complete` boolean,
  `records` bigint,
  `sessions` bigint,
  `tls_sessions` bigint,
  `unknown_sessions` bigint,
  `first_session_at` bigint,
  `last_session_at` bigint,
  `unparsed` bigint,
  `holes` string,
  `log_line_prefix` string,
  `connection_ids` string
)
STORED AS PARQUET
LOCATION 's3://BUCKET/athena/log_reads/';

-- The log reads that count: of each log, the one that shows most.
CREATE OR REPLACE VIEW ssl_usage_counted AS
SELECT "part", "log", "source"
FROM (
  SELECT "part", "log", "source", row_number() OVER (
    PARTITION BY regexp_extract("part", '^[^.]+[.][^.]+[.][^.]+'), "log"
    ORDER BY
      "tls_sessions" DESC, "sessions" DESC, "records" DESC, "holes" = '[]' DESC, coalesce("span_to", 0) DESC,
      "read_bytes" DESC, coalesce("format", '') <> 'stderr' DESC, "collected_at", "source"
  ) AS "position"
  FROM (SELECT *, regexp_extract("$path", '([^/]+)[.]readings[.]parquet$', 1) AS "part" FROM ssl_usage_log_reads) AS reads
) AS ranked
WHERE "position" = 1;

-- The facts of these log reads. Only they may be added up.
CREATE OR REPLACE VIEW ssl_usage_counted_facts AS
SELECT facts.*
FROM (SELECT *, regexp_extract("$path", '([^/]+)[.]parquet$', 1) AS "part" FROM ssl_usage_facts) AS facts
JOIN ssl_usage_counted AS counted
  ON facts."part" = counted."part" AND facts."log" = counted."log" AND facts."source" = counted."source";

-- Sessions of clients, by transport.
SELECT "instance", "transport", sum("count") AS "sessions"
FROM ssl_usage_counted_facts
WHERE "event" = 'connected' AND NOT "system"
GROUP BY "instance", "transport"
ORDER BY "instance", "transport";

-- Clients without TLS.
SELECT "instance", "user", "database", "address", "application", sum("count") AS "sessions", max("last_seen") AS "last_seen"
FROM ssl_usage_counted_facts
WHERE "event" = 'connected' AND "transport" = 'plaintext' AND NOT "system"
GROUP BY "instance", "user", "database", "address", "application"
ORDER BY "sessions" DESC, "instance", "user";

-- Log reads that lack something: more may have happened than they show.
SELECT split_part("part", '.', 3) AS "instance", "source", "holes", "unparsed"
FROM (SELECT *, regexp_extract("$path", '([^/]+)[.]readings[.]parquet$', 1) AS "part" FROM ssl_usage_log_reads) AS reads
WHERE "holes" <> '[]' OR "unparsed" > 0
ORDER BY "instance", "source";

"""Values of `log_line_prefix`, and where each was found.

The first ones are in use: the page, repository or issue that shows the value is beside it. The last ones were thought
up, so that every escape, and every kind of end, is in some sample.
"""

FOUND = (
    ("pganalyze-prefix", 16, "%m [%p] %q[user=%u,db=%d,app=%a] ",
     "pganalyze's advice", "github.com/pganalyze/collector, `logs/parse.go`"),
    ("pgbadger-database-first-prefix", 17, "%t [%p]: db=%d,user=%u,app=%a,client=%h ",
     "pgBadger's advice for stderr", "github.com/darold/pgbadger/issues/551"),
    ("rpm-prefix", 15, "< %m >",
     "the RPM packages of PostgreSQL before 10, as people keep it: no blank behind it",
     "DISA's guide for Crunchy Data PostgreSQL, SV-261868"),
    ("rpm-blank-prefix", 14, "< %m > ",
     "the RPM packages of PostgreSQL before 10", "github.com/darold/pgbadger/issues/296"),
    ("aiven-prefix", 16, "pid=%p,user=%u,db=%d,app=%a,client=%h ",
     "Aiven's default: no record says when it was written", "Aiven's guide, `pg.log_line_prefix`"),
    ("spilo-prefix", 17, "%t [%p]: [%l-1] %c %x %d %u %a %h ",
     "Zalando's Spilo and its operator", "github.com/zalando/spilo, `postgres-appliance/scripts/configure_spilo.py`"),
    ("azure-fields-prefix", 14, "ts=%m,db=%d,user=%u,app=%a,client=%h,cmdtag=%i,statecode=%e,vtxid=%v,txid=%x",
     "a server on Azure: no blank behind it", "github.com/darold/pgbadger/issues/642"),
    ("azure-time-first-prefix", 15,
     "%t [%p]: ts=%m,db=%d,user=%u,app=%a,client=%h,cmdtag=%i,statecode=%e,vtxid=%v,txid=%x",
     "a server on Azure, made readable to pgBadger: no blank behind it", "github.com/darold/pgbadger/issues/642"),
    ("supabase-prefix", 17, "%h %m [%p] %q%u@%d ",
     "Supabase: the address comes before the time, and other processes leave it blank",
     "github.com/supabase/postgres, `ansible/files/postgresql_config/postgresql.conf.j2`"),
    ("crunchy-prefix", 16, "%m [%p][%b][%v][%x] %q[user=%u,db=%d,app=%a] ",
     "Crunchy Bridge, with the time", "github.com/pganalyze/collector, `logs/parse.go`"),
    ("snowflake-prefix", 18, "[%p][%b][%v][%x] %q[user=%u,db=%d,app=%a] [%h]",
     "Snowflake Postgres: no record says when it was written", "Snowflake's guide to its PostgreSQL, \"Logging\""),
    ("heroku-prefix", 17,
     " sql_error_code = %e time_ms = \"%m\" pid=\"%p\" proc_start_time=\"%s\" session_id=\"%c\" vtid=\"%v\" tid=\"%x\" "
     "log_line=\"%l\" %qdatabase=\"%d\" connection_source=\"%r\" user=\"%u\" application_name=\"%a\" ",
     "Heroku: it begins with a blank", "github.com/pganalyze/collector, `logs/parse.go`"),
    ("vmware-prefix", 15, "%m %c %x %d %u %r %p %l",
     "VMware's vPostgres: the message follows a number without a blank",
     "DISA's guide for VMware vCenter's PostgreSQL, V-256593 and its like"),
    ("datadog-prefix", 16, "%m [%p] %d %a %u %h %c ",
     "Datadog's advice", "Datadog's guide to its PostgreSQL integration, \"Log collection\""),
    ("splunk-prefix", 14, "%m pid=%p database=%d user=%u rhost=%h tid=%v sessionid=%c ",
     "the add-on of Splunk", "the add-on's notes on `postgresql.conf`"),
    ("suse-prefix", 18, "%m %d %u [%p]",
     "SUSE's packages: the message follows the bracket",
     "build.opensuse.org, package postgresql16, `postgresql-conf.patch`"),
    ("timescale-prefix", 16, "%t [%p]: [%c-%l] %u@%d,app=%a [%e] ",
     "Timescale's Helm chart", "github.com/timescale/helm-charts, `timescaledb-single`"),
    ("application-first-prefix", 15, "%t %a %u %h ",
     "a user of pgBadger", "github.com/darold/pgbadger/issues/333"),
    ("bracketed-prefix", 17, "[%t] [%p] [%h] ",
     "a user of pgBadger", "github.com/darold/pgbadger/issues/129"),
    ("time-last-prefix", 14, "user=%u,db=%d,time=%t ",
     "a user of pgBadger", "github.com/darold/pgbadger/issues/340"),
    ("documented-prefix", 18, "%m [%p] %q%u@%d/%a ",
     "an example of PostgreSQL's documentation", "postgresql.org/docs/18/runtime-config-logging.html"),
    ("regression-tests-prefix", 17, "%m %b[%p] %q%a ",
     "PostgreSQL's own tests", "PostgreSQL's `src/test/regress/pg_regress.c`"),
    ("empty-prefix", 15, "",
     "PostgreSQL before 10 and of GitLab, which does not set it",
     "gitlab.com/gitlab-org/omnibus-gitlab/merge_requests/978"),
    ("milliseconds-prefix", 16, "%m",
     "various notes on slow statements: the message follows the zone", "several public repositories, as `log_line_prefix = '%m'`"),
    ("seconds-prefix", 14, "%t ",
     "old installation scripts", "several public repositories, as `log_line_prefix: '%t '`"),
)
INVENTED = (
    ("process-type-prefix", 16, "%t [%p]: db=%d,user=%u,app=%a,client=%h,backend=%b "),
    ("epoch-prefix", 16, "%n [%p] %u@%d "),
    ("process-prefix", 15, "%p %u@%d "),
    ("padded-prefix", 18, "%m [%6p] %-12u %-10d|%h|%L|%Q "),
)

PREFIXES = [
    *((name, major, prefix, f"The `log_line_prefix` of {whose}.\n\nSource: {source}.")
      for name, major, prefix, whose, source in FOUND),
    *((name, major, prefix, "An invented `log_line_prefix` that tests what no other sample covers. It is not known to be in use.")
      for name, major, prefix in INVENTED),
]

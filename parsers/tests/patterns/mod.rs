//! Text that parsers search for, repeated.

use std::fs;
use std::path::Path;
use std::time::Instant;

use ssl_usage_parsers::{Engine, HEAD, Hints, RecordParser, Scanner, Tally};

/// A format, and a log of it.
pub struct Format {
    pub name: &'static str,
    pub engine: &'static str,
    /// Under `samples`.
    pub sample: &'static str,
    /// What stands before and behind text of a client in one record.
    pub carrier: [&'static str; 2],
}

/// How text is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// With nothing around it.
    Bare,
    /// In records of many kilobytes.
    Carried,
}

/// Bytes of text in one record.
const CARRIED: usize = 60_000;

pub const FORMATS: &[Format] = &[
    Format {
        name: "stderr",
        engine: "postgres",
        sample: "postgres/16-rds/postgresql.log.2026-11-23-10",
        carrier: ["2026-11-23 10:00:00 UTC:10.0.0.7(1):app@orders:[7]:LOG:  statement: select '", "'\n"],
    },
    Format {
        name: "stderr (long)",
        engine: "postgres",
        sample: "postgres/16-rds-long-prefix-colon/postgresql.log.2026-11-23-10",
        carrier: [
            "2026-11-23 10:00:00.000 UTC:10.0.0.7(1):app@orders:[7]:3:00000:2026-11-23 10:00:00 UTC:3/1:0:6b04887d.7:shop:LOG:  statement: select '",
            "'\n",
        ],
    },
    Format {
        name: "stderr (Debian)",
        engine: "postgres",
        sample: "postgres/debian-prefix/postgresql.log.2026-11-23-10",
        carrier: ["2026-11-23 10:00:00.000 UTC [7] app@orders LOG:  statement: select '", "'\n"],
    },
    Format {
        name: "stderr (Spilo)",
        engine: "postgres",
        sample: "postgres/spilo-prefix/postgresql.log.2026-11-23-10",
        carrier: [
            "2026-11-23 10:00:00 UTC [7]: [3-1] 6b.7 0 app orders [unknown] 10.0.0.7 LOG:  statement: select '",
            "'\n",
        ],
    },
    Format {
        name: "stderr (Datadog)",
        engine: "postgres",
        sample: "postgres/datadog-prefix/postgresql.log.2026-11-23-10",
        carrier: ["2026-11-23 10:00:00.000 UTC [7] orders shop app 10.0.0.7 6b.7 LOG:  statement: select '", "'\n"],
    },
    Format {
        name: "stderr (names)",
        engine: "postgres",
        sample: "postgres/pgbadger-prefix/postgresql.log.2026-11-23-10",
        carrier: [
            "2026-11-23 10:00:00 UTC [7]: [3-1] user=app,db=orders,app=shop,client=10.0.0.7 LOG:  statement: select '",
            "'\n",
        ],
    },
    Format {
        name: "csvlog",
        engine: "postgres",
        sample: "postgres/16-rds/postgresql.log.2026-11-23-10.csv",
        carrier: [
            "2026-11-23 10:00:00.000 UTC,\"app\",\"orders\",7,\"10.0.0.7:1\",6b.7,2,\"SELECT\",2026-11-23 10:00:00 UTC,3/1,0,LOG,00000,\"statement: select ",
            "\",,,,,,,,,\"\",\"client backend\",,0\n",
        ],
    },
    Format {
        name: "jsonlog",
        engine: "postgres",
        sample: "postgres/16-rds/postgresql.log.2026-11-23-10.json",
        carrier: [
            "{\"timestamp\":\"2026-11-23 10:00:00.000 UTC\",\"user\":\"app\",\"dbname\":\"orders\",\"pid\":7,\"ps\":\"SELECT\",\"error_severity\":\"LOG\",\"message\":\"statement: select ",
            "\"}\n",
        ],
    },
    Format {
        name: "general",
        engine: "mysql",
        sample: "mysql/9.7-usual/mysql-general.log",
        carrier: ["2026-11-23T18:46:24.431815Z\t    9 Query\tselect '", "'\n"],
    },
    Format {
        name: "general (old)",
        engine: "mariadb",
        sample: "mariadb/10.11-usual/mysql-general.log",
        carrier: ["\t\t    9 Query\tselect '", "'\n"],
    },
    Format {
        name: "audit",
        engine: "mysql",
        sample: "mysql/audit-8.0/server_audit.log",
        carrier: ["20261123 18:46:24,ip-10-1-2-3,app,10.1.0.7,20,1,QUERY,orders,'", "',0,,\n"],
    },
    Format {
        name: "audit (Aurora)",
        engine: "aurora-mysql",
        sample: "mysql/aurora-audit/audit.log",
        carrier: ["1795459584000000,aurora-1,app,10.0.0.7,4,0,QUERY,db1,'", "',0\n"],
    },
    Format {
        name: "listener",
        engine: "oracle",
        sample: "oracle/zoned/listener.log",
        carrier: [
            "23-NOV-2026 10:00:04 * (CONNECT_DATA=(SERVICE_NAME=ORDERS)(CID=(PROGRAM=",
            ")(HOST=web-1)(USER=app))) * (ADDRESS=(PROTOCOL=tcps)(HOST=10.20.0.7)(PORT=49698)) * establish * ORDERS * 0\n",
        ],
    },
    Format {
        name: "listener-xml",
        engine: "oracle",
        sample: "oracle/xml/log.xml",
        carrier: [
            "<msg time='2026-11-23T10:00:04.031+00:00' org_id='oracle' comp_id='tnslsnr'\n type='UNKNOWN' level='16' host_id='db-1'\n host_addr='10.20.0.2' pid='4711'>\n <txt>23-NOV-2026 10:00:04 * (CONNECT_DATA=(SERVICE_NAME=ORDERS)(CID=(PROGRAM=",
            ")(HOST=web-1)(USER=app))) * (ADDRESS=(PROTOCOL=tcps)(HOST=10.20.0.7)(PORT=49698)) * establish * ORDERS * 0\n </txt>\n</msg>\n",
        ],
    },
    Format {
        name: "aud",
        engine: "oracle",
        sample: "oracle/audit-text/ORCL_ora_4711_20261123100000051907482236.aud",
        carrier: [
            "Mon Nov 23 18:39:57 2026 +00:00\nLENGTH: \"181\"\nSESSIONID:[6] \"410002\" USERID:[3] \"",
            "\" ACTION:[3] \"100\" RETURNCODE:[1] \"0\" COMMENT$TEXT:[96] \"Authenticated by: DATABASE; Client address: (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698))\"\n\n",
        ],
    },
    Format {
        name: "aud-xml",
        engine: "oracle",
        sample: "oracle/audit-xml/ORCL_ora_4711_20261123100000051907482236.xml",
        carrier: [
            "<AuditRecord><Extended_Timestamp>2026-11-23T18:39:57.242005Z</Extended_Timestamp><DB_User>",
            "</DB_User><Action>100</Action><Returncode>0</Returncode>\n<Comment_Text>Authenticated by: DATABASE; Client address: (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698))</Comment_Text>\n</AuditRecord>\n",
        ],
    },
    Format {
        name: "errorlog",
        engine: "sqlserver",
        sample: "sqlserver/logins/ERROR",
        carrier: [
            "2026-11-23 18:39:57.24 Logon       Login failed for user '",
            "'. Reason: Password did not match that for the login provided. [CLIENT: 10.0.0.7]\n",
        ],
    },
    Format {
        name: "docdb",
        engine: "docdb",
        sample: "docdb/audit/audit.log",
        carrier: [
            "{\"atype\":\"find\",\"ts\":1795459197241,\"remote_ip\":\"10.0.0.7:1\",\"user\":\"app\",\"param\":{\"ns\":\"shop.orders\",\"filter\":[",
            "\"x\"]}}\n",
        ],
    },
];

/// What may make a parser look far around, besides its own needles.
#[allow(dead_code, reason = "the fuzzer finds its own")]
const MARKS: &[&str] = &[
    "\n",
    "\0",
    "=TLSv1",
    "SSL enabled (",
    "[Your log message was truncated]",
    "[Your log message was truncated]\n",
    "LOG:  ",
    "FATAL:  ",
    "                                  LOG:  connection authorized: ",
    "2026-11-23 10:00:00 UTC [7]: [3-1] 6b.7 0                LOG:  connection authorized: \n",
    "2026-11-23 10:00:00.000 UTC [7]                          LOG:  connection authorized: \n",
    ":LOG:  ",
    "connection authorized: user=",
    "Verbindung autorisiert: Benutzer=",
    "2026-11-23 10:00:00 UTC",
    "2026-11-23 10:00:00 UTC:10.0.0.7(1):a@b:[1]:",
    "\"message\":\"",
    "\"\"",
    "\"",
    ",",
    "{\"atype\":",
    "{",
    "@",
    " using ",
    " using SSL/TLS",
    " on ",
    "Access denied for user 'a'@'b' (using password: YES)",
    "261123 10:00:00\t    1 ",
    "\t\t    1 Query\t",
    "\t\t    1 Connect\tAccess denied for user 'a'@'b' (using password: YES)\n",
    "\t\t    1 Connect\ta@b on c using TCP/IP\n",
    "20261123 18:46:24,",
    "1795459584000000,",
    "(ADDRESS=",
    "(CONNECT_DATA=",
    " * ",
    "23-NOV-2026 10:00:00",
    "23-NOV-2026 10:00:00 * ",
    "2026-11-23T10:00:00.000000+00:00\n",
    "TNS-12518: x\n",
    "<msg ",
    "<txt>",
    "</txt>",
    "<AuditRecord>",
    "</AuditRecord>",
    "LENGTH: \"1\"",
    "SESSIONID:[1] \"1\" ",
    "Authenticated by: DATABASE;",
    "[CLIENT: ",
    "Login succeeded for user '",
];

/// The needles of a format, and the marks.
#[allow(dead_code, reason = "the fuzzer finds its own")]
pub fn marks(format: &Format) -> Vec<String> {
    let needles = parser(format).needles().iter().map(|needle| String::from_utf8_lossy(needle).into_owned());
    needles.chain(MARKS.iter().map(|mark| (*mark).to_owned())).collect()
}

/// A log of so many bytes: the sample, and then nothing but the pattern; the sample alone where there is none.
pub fn log(format: &Format, pattern: &str, shape: Shape, length: usize) -> Vec<u8> {
    let mut text = sample(format).into_bytes();
    let [before, behind] = format.carrier;
    let pattern = match shape {
        _ if pattern.is_empty() => text.clone(),
        Shape::Bare => pattern.as_bytes().to_vec(),
        Shape::Carried => [before, &pattern.repeat(CARRIED.div_ceil(pattern.len())), behind].concat().into_bytes(),
    };
    while text.len() < length {
        text.extend_from_slice(&pattern);
    }
    text
}

/// Seconds that a scan takes.
pub fn seconds(format: &Format, text: &[u8]) -> f64 {
    let parser = parser(format);
    let begins = Instant::now();
    Scanner::new(parser.as_ref(), 1).in_blocks_of(text.len() / 8).scan(text, &mut Tally::default());
    begins.elapsed().as_secs_f64()
}

fn parser(format: &Format) -> Box<dyn RecordParser> {
    let text = sample(format);
    let hints = Hints { engine: Engine::named(format.engine), ..Hints::default() };
    ssl_usage_parsers::detect(&text.as_bytes()[..text.len().min(HEAD)], &hints).expect("a known format")
}

/// The sample of a format.
pub fn sample(format: &Format) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(format.sample);
    String::from_utf8_lossy(&fs::read(path).expect("a sample")).into_owned()
}

//! Every engine: what its settings alone decide, seen through the API as a user would see it.

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, samples};
use crate::fake_aws::{FakeAws, Fault, FaultKind, Fleet, LogFile, Proxy};

const NOW: &str = "2026-11-23T00:00:00Z";

/// One instance: its engine and version, its settings, how far they are taken over, and what is due.
struct Case {
    engine: &'static str,
    version: &'static str,
    /// `name=value`; a cluster's parameters for what has clusters only.
    parameters: &'static [&'static str],
    /// Options of its option group; none where there is no option group.
    options: Option<&'static [&'static str]>,
    status: &'static str,
    /// Rotation, usage, first reason, restart.
    due: (&'static str, &'static str, &'static str, &'static str),
}

const fn case(
    engine: &'static str,
    version: &'static str,
    parameters: &'static [&'static str],
    due: (&'static str, &'static str, &'static str, &'static str),
) -> Case {
    Case { engine, version, parameters, options: None, status: "in-sync", due }
}

const UNTOLD: (&str, &str, &str, &str) = ("required", "undetermined", "log-cannot-tell", "instance");

const CASES: &[Case] = &[
    case("neptune", "1.3.2.1", &[], ("optional", "in_use", "certificate-elsewhere", "none")),
    case("docdb", "5.0.0", &["tls=disabled"], ("optional", "ruled_out", "tls-switched-off", "instance")),
    case("docdb", "5.0.0", &["tls=enabled"], ("required", "in_use", "tls-enforced", "instance")),
    case("docdb", "5.0.0", &["tls=tls1.3+"], ("required", "in_use", "tls-enforced", "instance")),
    case("docdb", "5.0.0", &["tls=tls9.9+"], ("required", "in_use", "tls-enforced", "instance")),
    case("docdb", "5.0.0", &[], UNTOLD),
    Case { status: "pending-reboot", ..case("docdb", "5.0.0", &["tls=disabled"], UNTOLD) },
    case("sqlserver-se", "15.00.4375.4.v1", &["rds.force_ssl=0"], UNTOLD),
    case("sqlserver-se", "15.00.4375.4.v1", &["rds.force_ssl=1"], UNTOLD),
    case(
        "db2-se",
        "11.5.9.0.sb00000000.r1",
        &["db2comm=TCPIP", "ssl_svcename"],
        ("optional", "ruled_out", "tls-switched-off", "instance"),
    ),
    case("db2-se", "11.5.9.0.sb00000000.r1", &["DB2COMM=TCPIP,SSL"], UNTOLD),
    case("db2-se", "11.5.9.0.sb00000000.r1", &["db2comm", "ssl_svcename"], UNTOLD),
    case("db2-se", "11.5.9.0.sb00000000.r1", &["db2comm=TCPIP", "ssl_svcename=50443"], UNTOLD),
    case("db2-se", "11.5.9.0.sb00000000.r1", &["db2comm=TCPIP"], UNTOLD),
    Case {
        options: Some(&["NATIVE_NETWORK_ENCRYPTION"]),
        ..case(
            "oracle-se2",
            "19.0.0.0.ru-2024-01.rur-2024-01.r1",
            &[],
            ("optional", "ruled_out", "tls-switched-off", "listener"),
        )
    },
    Case {
        options: Some(&["SSL"]),
        ..case(
            "oracle-ee-cdb",
            "19.0.0.0.ru-2024-01.rur-2024-01.r1",
            &[],
            ("required", "undetermined", "no-logs", "listener"),
        )
    },
    Case {
        options: Some(&[]),
        status: "pending-apply",
        ..case(
            "oracle-ee",
            "19.0.0.0.ru-2024-01.rur-2024-01.r1",
            &[],
            ("required", "undetermined", "no-logs", "listener"),
        )
    },
    Case {
        options: Some(&[]),
        ..case(
            "mysql",
            "8.0.35",
            &["general_log=1", "log_output=TABLE"],
            ("required", "undetermined", "logging-off", "instance"),
        )
    },
    Case {
        options: Some(&["MARIADB_AUDIT_PLUGIN"]),
        ..case(
            "mysql",
            "8.0.35",
            &["general_log=0", "log_output=TABLE"],
            ("required", "undetermined", "logging-unknown", "instance"),
        )
    },
    case(
        "mariadb",
        "11.4.3",
        &["general_log=1", "log_output=FILE"],
        ("required", "undetermined", "no-logs", "instance"),
    ),
    case(
        "aurora-mysql",
        "8.0.mysql_aurora.3.04.0",
        &["general_log=1", "server_audit_logging=0"],
        ("required", "undetermined", "logging-unknown", "instance"),
    ),
    case(
        "aurora",
        "5.6.mysql_aurora.1.22.2",
        &["general_log=1"],
        ("required", "undetermined", "version-cannot-tell", "instance"),
    ),
    case("custom-oracle-ee", "19", &[], ("required", "undetermined", "rds-custom", "instance")),
    case("db2-ce", "11.5.9.0.sb00000000.r1", &["db2comm=TCPIP,SSL"], UNTOLD),
];

/// A fleet of all cases; the server certificate ends soon, so that it does not decide.
fn fleet() -> Fleet {
    let mut text = format!("account = \"123456789012\"\nregion = \"eu-west-1\"\nnow = \"{NOW}\"\n");
    text += "[[certificate]]\nid = \"rds-ca-rsa2048-g1\"\nvalid_from = \"2021-05-25T22:34:57Z\"\nvalid_till = \"2061-05-25T23:34:57Z\"\ndefault = true\n";
    for (number, case) in CASES.iter().enumerate() {
        let Case { engine, version, status, .. } = case;
        // What the API has for clusters only is set there.
        let clustered = matches!(*engine, "docdb" | "neptune");
        let kind = if clustered { "cluster = true\n" } else { "" };
        text += &format!("[[parameter_group]]\nname = \"group-{number}\"\nfamily = \"{engine}\"\n{kind}");
        for setting in case.parameters {
            let (name, value) = setting.split_once('=').map_or((*setting, None), |(name, value)| (name, Some(value)));
            text += &format!("[[parameter_group.parameter]]\nname = \"{name}\"\napply_type = \"static\"\n");
            text += &value.map_or_else(String::new, |value| format!("value = \"{value}\"\n"));
        }
        text += &format!("[[instance]]\nid = \"db-{number}\"\nengine = \"{engine}\"\nversion = \"{version}\"\n");
        text += "created = \"2020-01-01T00:00:00Z\"\nca = \"rds-ca-rsa2048-g1\"\ncert_valid_till = \"2027-01-30T10:00:00Z\"\n";
        if clustered {
            text += &format!("parameter_group = \"none\"\ncluster = \"cluster-{number}\"\n");
            text += &format!(
                "[[cluster]]\nid = \"cluster-{number}\"\nengine = \"{engine}\"\nversion = \"{version}\"\nmembers = [\"db-{number}\"]\n"
            );
            text += &format!("parameter_group = \"group-{number}\"\nparameter_status = \"{status}\"\n");
        } else {
            text += &format!("parameter_group = \"group-{number}\"\n");
        }
        if let Some(options) = case.options {
            text += &format!(
                "option_group = \"options-{number}\"\noption_status = \"{status}\"\n[[option_group]]\nname = \"options-{number}\"\n"
            );
            text += &options.iter().map(|option| format!("[option_group.options.{option}]\n")).collect::<String>();
        }
    }
    text += "[[parameter_group]]\nname = \"none\"\nfamily = \"none\"\n";
    Fleet::parse(&text, samples()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn settings_decide_where_they_can_and_nowhere_else() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet());
    let run = Run::of(against(&aws, home.path()).args(["analyze", "--format", "json", "--days", "3", "--now", NOW]));
    let report = run.json();
    let instances = report["instances"].as_array().expect("instances");
    assert_eq!(instances.len(), CASES.len());
    for (number, case) in CASES.iter().enumerate() {
        let name = format!("db-{number}");
        let instance = instances.iter().find(|instance| instance["instance"] == name.as_str()).expect("a verdict");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (rotation, usage) = (text(&instance["rotation"]), text(&instance["usage"]));
        let (reason, restart) = (text(&instance["reasons"][0]["code"]), text(&instance["restart"]));
        let found = (rotation.as_str(), usage.as_str(), reason.as_str(), restart.as_str());
        assert_eq!(found, case.due, "{} {:?} {:?}: {instance:#}", case.engine, case.parameters, case.options);
        let unproven = found.0 == "required" && found.1 == "undetermined";
        assert_eq!(instance["unproven"], unproven, "{name}");
    }
}

/// Whichever of the two the API names first, and however sure it is of both.
#[test]
fn between_two_option_groups_nobody_can_tell_what_an_instance_runs_with() {
    let home = TempDir::new().expect("a folder");
    let mut fleet = fleet();
    let with_options = |options: &[&str]| {
        let is = |case: &Case| case.options == Some(options) && case.engine.starts_with("oracle");
        CASES.iter().position(is).expect("such a case")
    };
    let (without, with) = (with_options(&["NATIVE_NETWORK_ENCRYPTION"]), with_options(&["SSL"]));
    for (one, other) in [(without, with), (with, without)] {
        fleet.instance(&format!("db-{one}")).other_option_group = Some(format!("options-{other}"));
    }
    let aws = FakeAws::start(fleet);
    for number in [without, with] {
        let name = format!("db-{number}");
        let args = ["analyze", "--format", "json", "--days", "3", "--now", NOW, "--instance", &name];
        let report = Run::of(against(&aws, home.path()).args(args)).json();
        let oracle = &report["instances"][0];
        assert_eq!((&oracle["usage"], &oracle["unproven"]), (&"undetermined".into(), &true.into()), "{oracle:#}");
    }
}

#[test]
fn an_instance_behind_a_proxy_says_so() {
    let home = TempDir::new().expect("a folder");
    let mut fleet = fleet();
    let proxy = |name: &str, instance: &str| Proxy {
        name: name.to_owned(),
        instances: vec![instance.to_owned()],
        cluster: None,
    };
    fleet.proxies = vec![proxy("front", "db-15"), proxy("other", "db-16")];
    fleet.page_records = Some(1);
    let aws = FakeAws::start(fleet);
    let args = ["analyze", "--format", "json", "--days", "3", "--now", NOW, "--instance", "db-15"];
    let report = Run::of(against(&aws, home.path()).args(args)).json();
    let reasons = report["instances"][0]["reasons"].as_array().expect("reasons");
    let behind = reasons.iter().find(|reason| reason["code"] == "behind-proxy").expect("it is told");
    let text = behind["text"].as_str().expect("a sentence");
    assert!(text.contains("front") && !text.contains("other"), "{text}");
}

#[test]
fn a_cluster_of_a_global_one_names_the_others() {
    let home = TempDir::new().expect("a folder");
    let mut fleet = crate::fleet::small_fleet();
    let arn = |region: &str, cluster: &str| format!("arn:aws:rds:{region}:123456789012:cluster:{cluster}");
    fleet.global_clusters = vec![vec![arn("eu-west-1", "analytics"), arn("us-east-1", "analytics-2")]];
    let args = ["analyze", "--format", "json"];
    let run = Run::of(against(&FakeAws::start(fleet), home.path()).args(args).args(crate::fleet::WINDOW));
    let report = run.json();
    let told = |name: &str| {
        let instance = report["instances"].as_array().expect("a list").iter().find(|found| found["instance"] == name);
        instance.expect("an instance")["reasons"].to_string().contains("cluster:analytics-2")
    };
    assert!(told("analytics-1") && !told("loyalty-1"), "{report:#}");
}

/// A MariaDB server with both of its logs, as they were written at this time.
pub fn mariadb(now: &str, general: &str) -> Fleet {
    let text = format!(
        "account = \"123456789012\"\nregion = \"eu-west-1\"\nnow = \"{now}\"\n\
         [[certificate]]\nid = \"rds-ca-rsa2048-g1\"\nvalid_from = \"2021-05-25T22:34:57Z\"\n\
         valid_till = \"2061-05-25T23:34:57Z\"\ndefault = true\n\
         [[parameter_group]]\nname = \"logged\"\nfamily = \"mariadb10.11\"\n\
         [[parameter_group.parameter]]\nname = \"general_log\"\nvalue = \"1\"\n\
         [[parameter_group.parameter]]\nname = \"log_output\"\nvalue = \"FILE\"\n\
         [[engine_version]]\nengine = \"mariadb\"\nversion = \"10.11.19\"\nrotates_without_restart = false\n\
         [[option_group]]\nname = \"audited\"\n\
         [option_group.options.MARIADB_AUDIT_PLUGIN]\nSERVER_AUDIT_EVENTS = \"CONNECT\"\n\
         [[instance]]\nid = \"shop\"\nengine = \"mariadb\"\nversion = \"10.11.19\"\ncreated = \"2020-01-01T00:00:00Z\"\n\
         ca = \"rds-ca-rsa2048-g1\"\ncert_valid_till = \"2027-01-30T10:00:00Z\"\n\
         parameter_group = \"logged\"\noption_group = \"audited\"\n"
    );
    let mut fleet = Fleet::parse(&text, samples()).expect("a fleet");
    let written = fleet.now.as_millisecond();
    for (name, sample) in [(general, "mysql-general.log"), ("audit/server_audit.log", "server_audit.log")] {
        let bytes = std::fs::read(samples().join("mariadb/10.11-usual").join(sample)).expect("a log of the sample");
        fleet.instances[0].files.insert(name.to_owned(), LogFile::new(bytes, written));
    }
    fleet
}

#[test]
fn a_session_in_a_general_and_an_audit_log_counts_once_whatever_the_file_is_called() {
    let home = TempDir::new().expect("a folder");
    let truth = std::fs::read_to_string(samples().join("mariadb/10.11-usual/truth.toml")).expect("the truth");
    let truth: toml::Table = truth.parse().expect("TOML");
    let expected = |transport: &str| truth["connections"][transport].as_integer().expect("a count");
    let audit = std::fs::read_to_string(samples().join("mariadb/10.11-usual/server_audit.log")).expect("the log");
    let day = format!("{}-{}-{}", &audit[..4], &audit[4..6], &audit[6..8]);
    // The file is read, renamed by the server, and read again.
    for (time, general) in [("12:00", "general/mysql-general.log"), ("12:30", "general/mysql-general.log.11")] {
        let now = format!("{day}T{time}:00Z");
        let aws = FakeAws::start(mariadb(&now, general));
        let args = ["analyze", "--format", "json", "--days", "1", "--now", &now];
        let run = Run::of(against(&aws, home.path()).args(args));
        let report = run.json();
        let shop = &report["instances"][0];
        for transport in ["tls", "plaintext", "local"] {
            assert_eq!(shop["connections"][transport], expected(transport), "{transport} at {now}: {shop:#}");
        }
        assert_eq!(shop["connections"]["unknown"], 0, "the audit log, which cannot tell, gives way: {shop:#}");
        assert_eq!((&shop["usage"], &shop["rotation"]), (&"in_use".into(), &"required".into()));
    }
}

/// Files of 1 MB that are renamed as they fill may begin in one second: none of them stands for the others, with its
/// sessions or with what could not be read of it.
#[test]
fn logs_that_begin_in_one_second_count_each() {
    let home = TempDir::new().expect("a folder");
    let now = "2026-11-23T18:50:00Z";
    let mut fleet = mariadb(now, "general/mysql-general.log");
    let written = fleet.now.as_millisecond();
    let shop = fleet.instance("shop");
    (shop.engine, shop.version) = ("mysql".to_owned(), "8.0.35".to_owned());
    let record = |id: u64, end: &str| format!("20261123 18:46:24,h,app,10.1.0.{id},{id},0,CONNECT,orders,,0,{end}\n");
    let logs = [
        ("audit/server_audit.log", record(9, "SSL") + &record(8, "SSL")),
        ("audit/server_audit.log.1", record(7, "TCP/IP")),
        ("audit/server_audit.log.2", record(6, "TCP/IP") + &record(5, "TCP/IP").replace(",,0,", ",,?,")),
    ];
    shop.files = logs.map(|(name, text)| (name.to_owned(), LogFile::new(text, written))).into();
    let aws = FakeAws::start(fleet);
    let run = Run::of(against(&aws, home.path()).args(["analyze", "--format", "json", "--days", "1", "--now", now]));
    let report = run.json();
    let shop = &report["instances"][0];
    let connections = &shop["connections"];
    assert_eq!((&connections["tls"], &connections["plaintext"]), (&2.into(), &2.into()), "{shop:#}");
    assert_eq!(shop["coverage"]["unparsed"], 1, "{shop:#}");
    assert!(report["errors"][0]["subject"].as_str().is_some_and(|name| name.ends_with("audit.log.2")), "{report:#}");
}

#[test]
fn a_log_that_failed_under_one_name_is_made_up_for_under_the_next() {
    let home = TempDir::new().expect("a folder");
    let audit = std::fs::read_to_string(samples().join("mariadb/10.11-usual/server_audit.log")).expect("the log");
    let day = format!("{}-{}-{}", &audit[..4], &audit[4..6], &audit[6..8]);
    let run = |time: &str, general: &str, faults: bool| {
        let now = format!("{day}T{time}:00Z");
        let aws = FakeAws::start(mariadb(&now, general));
        for action in ["DownloadCompleteDBLogFile", "DownloadDBLogFilePortion"].into_iter().filter(|_| faults) {
            aws.fault(Fault::new(FaultKind::AccessDenied).on(action).of(general));
        }
        let args = ["analyze", "--format", "json", "--days", "1", "--now", &now];
        let run = Run::of(against(&aws, home.path()).args(args));
        (run.status, run.json()["instances"][0]["coverage"]["files_failed"].clone())
    };
    assert_eq!(run("12:00", "general/mysql-general.log", true), (3, 1.into()));
    assert_eq!(run("12:30", "general/mysql-general.log.11", false), (0, 0.into()));
    // A log that was written since is another one.
    let later = |time: &str| run(time, "general/mysql-general.log", true);
    assert_eq!(later("12:40"), (3, 1.into()), "what was listed later is not what was read before");
}

/// What the audit trail of an Oracle instance with the option SSL makes of it, while `audit_trail` is as given.
fn audited(trail: &str, text: &str) -> Value {
    let home = TempDir::new().expect("a folder");
    let mut fleet = fleet();
    let oracle = |case: &Case| case.options == Some(&["SSL"]);
    let name = format!("db-{}", CASES.iter().position(oracle).expect("an instance with the option"));
    let group = fleet.instance(&name).parameter_group.clone();
    let group = fleet.parameter_groups.iter_mut().find(|known| known.name == group).expect("its group");
    group
        .parameters
        .push(toml::from_str(&format!("name = \"audit_trail\"\nvalue = \"{trail}\"")).expect("a parameter"));
    let written = fleet.now.as_millisecond();
    let file = LogFile::new(text.as_bytes().to_vec(), written);
    fleet.instance(&name).files.insert("audit/ORCL_ora_4711_20261122100000051907482236.aud".to_owned(), file);
    let aws = FakeAws::start(fleet);
    let args = ["analyze", "--format", "json", "--days", "3", "--now", NOW, "--instance", &name];
    Run::of(against(&aws, home.path()).args(args)).json()["instances"][0].clone()
}

#[test]
fn an_audit_trail_proves_tls_and_never_that_there_is_none() {
    let sample = "oracle/audit-text/ORCL_ora_4711_20261123100000051907482236.aud";
    let text = std::fs::read_to_string(samples().join(sample)).expect("the sample").replace("Nov 23", "Nov 22");
    let (with_tls, without) = (audited("OS", &text), audited("OS", &text.replace("tcps", "tcp")));
    assert_eq!((&with_tls["rotation"], &with_tls["usage"]), (&"required".into(), &"in_use".into()), "{with_tls:#}");
    assert_eq!((&without["rotation"], &without["usage"]), (&"required".into(), &"undetermined".into()), "{without:#}");
    assert_eq!(without["coverage"]["share"], 0.0, "{without:#}");
    assert!(without["connections"]["plaintext"].as_u64() > Some(0), "what it shows is told: {without:#}");
    assert_eq!(audited("NONE", &text)["connections"]["tls"], 0, "what is switched off is not asked for");
}

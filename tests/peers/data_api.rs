//! Sessions through the RDS Data API, which ministack serves from real databases.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::databases::Database;
use super::install::skipped;
use super::sessions::{Clients, add_users, counts};
use super::{Server, named, reasons};
use crate::command::{Run, ssl_usage};
use crate::network::tls::Ca;

/// A command against the AWS that the Data API belongs to.
fn run(home: &TempDir, aws: &Server, arguments: &[&str]) -> Run {
    let mut command = ssl_usage(home.path());
    for service in ["RDS", "RDS_DATA", "SECRETS_MANAGER", "STS"] {
        command.env(format!("AWS_ENDPOINT_URL_{service}"), aws.url());
    }
    Run::of(command.args(arguments).arg("--bundle").arg(home.path().join("bundle")))
}

/// What a probe says of each instance, by its name.
fn probe(home: &TempDir, aws: &Server) -> impl Fn(&str) -> Value + use<> {
    let json = run(home, aws, &["probe", "--sessions", "--login", "data-api", "--format", "json"]).json();
    let rows = json["sessions"].clone();
    move |name| {
        let mut rows = rows.as_array().expect("sessions").iter();
        rows.find(|row| row["instance"] == name).cloned().unwrap_or_else(|| panic!("{name}: {rows:#?}"))
    }
}

#[test]
fn the_writer_of_a_cluster_is_listed_through_the_data_api() {
    if skipped("PostgreSQL, MariaDB and ministack") {
        return;
    }
    let ca = Ca::new("A private CA");
    let databases = [Database::postgres(15, &ca), Database::mariadb(&ca, &["--performance-schema=ON"])];
    for (database, fleet) in databases.into_iter().zip(["data_api_postgres", "data_api_mysql"]) {
        add_users(&database);
        let Some(aws) = Server::data_api(database.port, "carts-0") else { return };
        let secret = aws.seed(fleet);
        let (user, password) = (secret["username"].as_str().expect("a user"), secret["password"].as_str().expect("it"));
        let clients = Clients::connect(&database, (2, 3));
        if database.is_postgres {
            database.sql(&format!("CREATE ROLE {user} LOGIN PASSWORD '{password}'"));
            let home = TempDir::new().expect("a folder");
            let blind = probe(&home, &aws)("carts-0");
            assert_eq!(blind["gap"]["code"], "no-privilege", "{blind:#}");
            assert_eq!(blind["gap"]["fix"], json!(["GRANT pg_monitor TO \"boss\";"]));
            database.sql(&format!("GRANT pg_monitor TO {user}"));
        } else {
            // ministack takes the master user for the administrator of MySQL.
            database.sql(&format!("CREATE OR REPLACE USER root@127.0.0.1 IDENTIFIED BY '{password}'"));
            database.sql("GRANT ALL ON *.* TO root@127.0.0.1");
        }
        let home = TempDir::new().expect("a folder");
        for _ in 0..2 {
            let of = probe(&home, &aws);
            let writer = of("carts-0");
            assert_eq!((counts(&writer), &writer["gap"]), ((2, 3), &json!(null)), "{writer:#}");
            for other in ["carts-1", "stock-0"] {
                assert_eq!(of(other)["failure"]["code"], "data-api", "{:#}", of(other));
            }
        }
        drop(clients);
        let report = run(&home, &aws, &["analyze", "--format", "json"]).json();
        let instance = named(&report, "carts-0");
        assert_eq!(counts(&instance["sampled"]), (2, 3), "{:#}", instance["sampled"]);
        assert!(reasons(instance).contains(&"tls-sessions-open"), "{instance:#}");
        // Handshakes of AWS are not told from those of clients.
        assert_eq!(instance["sampled"]["no_handshakes_in"], json!([]), "{:#}", instance["sampled"]);
        // After a failover, it is another instance.
        let Some(aws) = Server::data_api(database.port, "carts-1") else { return };
        aws.seed(fleet);
        let failed = probe(&home, &aws)("carts-0");
        assert_eq!((&failed["failure"]["code"], &failed["tls"]), (&json!("data-api"), &json!(0)), "{failed:#}");
    }
}

//! `ssl-usage probe --sessions` against servers that do not let it list sessions. Real servers are in `tests/peers/sessions.rs`.

use super::*;

/// A probe of the sessions with passwords that nobody takes.
fn probe(aws: &FakeAws, home: &Path, ca: &Ca) -> Run {
    fs::write(home.join("ca.pem"), ca.pem()).expect("a file");
    let mut command = against(aws, home);
    for name in ["PGPASSWORD", "MYSQL_PWD", "SQLCMDPASSWORD"] {
        command.env(name, "a secret");
    }
    command.args(["probe", "--sessions", "--login", "env", "--user", "monitor", "--format", "json", "--ca-bundle"]);
    Run::of(command.arg(home.join("ca.pem")).arg("--bundle").arg(home.join("bundle")))
}

fn failure<'r>(probe: &'r Value, name: &str) -> &'r Value {
    let all = probe["sessions"].as_array().expect("sessions");
    let row = all.iter().find(|row| row["instance"] == name).unwrap_or_else(|| panic!("{name}: {probe:#}"));
    &row["failure"]
}

#[test]
fn a_server_that_stalls_or_speaks_something_else_lists_nothing() {
    let ca = Ca::new(CA);
    let with_tls = |speaks| Server::start(speaks, Some(Presents(&["localhost"], (2020, 2099), &ca))).address;
    let without_tls = |speaks| Server::start(speaks, None).address;
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let http: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    let cases: Vec<(&str, &str, SocketAddr)> = vec![
        // Silence from the beginning, and behind the handshake.
        ("orders-prod", "timed-out", without_tls(Speaks::Only(b"", true))),
        ("wiki", "timed-out", with_tls(Speaks::Postgres)),
        ("shop", "timed-out", without_tls(Speaks::Only(b"", true))),
        ("payroll", "timed-out", with_tls(Speaks::SqlServer)),
        // Another protocol, no TLS, and nobody.
        ("reports-batch", "no-connection", without_tls(Speaks::Only(http, false))),
        ("forum", "no-connection", without_tls(Speaks::Only(b"SSH-2.0-OpenSSH_9.6\r\n", true))),
        ("kiosk", "no-connection", without_tls(Speaks::Only(http, false))),
        ("crm-quiet", "no-connection", without_tls(Speaks::Postgres)),
        ("ledger", "no-connection", free),
    ];
    let at: Vec<_> = cases.iter().map(|(name, _, address)| (*name, *address)).collect();
    let aws = FakeAws::start(fleet(&at));
    let home = TempDir::new().expect("a folder");
    let began = Instant::now();
    let run = probe(&aws, home.path(), &ca);
    assert!(began.elapsed() < Duration::from_secs(40), "one that waits keeps no other from being asked");
    assert_eq!(run.status, 3, "{run:?}");
    let json = run.json();
    for (name, code, _) in &cases {
        assert_eq!(failure(&json, name)["code"], *code, "{name}: {:#}", failure(&json, name));
    }
    assert!(!run.out.contains("a secret") && !run.err.contains("a secret"), "{run:?}");
    let schema = Run::of(ssl_usage(home.path()).args(["schema", "probe"])).json();
    assert_eq!(objection(&schema, &json), None);
    let report = analyze(&home.path().join("bundle"));
    for (name, ..) in &cases {
        let codes = reasons(instance(&report, name));
        assert!(codes.iter().all(|code| !code.contains("sessions-open") && *code != "sample-incomplete"), "{codes:?}");
    }
}

#[test]
fn the_next_address_of_a_host_is_tried() {
    let addresses: Vec<SocketAddr> = ("localhost", 0).to_socket_addrs().expect("addresses").collect();
    let ca = Ca::new(CA);
    // Its server listens at one address of two. It ends the handshake with a certificate, and then it is silent.
    let listen = if addresses.iter().any(SocketAddr::is_ipv6) { "[::1]:0" } else { "127.0.0.1:0" };
    let server = Server::start_at(listen, Speaks::Postgres, Some(Presents(&["elsewhere"], (2020, 2099), &ca)));
    let home = TempDir::new().expect("a folder");
    let run = probe(&FakeAws::start(fleet(&[("wiki", server.address)])), home.path(), &ca);
    assert_eq!(failure(&run.json(), "wiki")["code"], "untrusted", "it was reached: {run:?}");
}

//! tinyproxy, with a password, between the tool and endpoints with a private CA and without TLS.

use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::install::{apt, skipped};
use crate::command::{Run, against, ssl_usage, wait_until};
use crate::fake_aws::FakeAws;
use crate::fleet::{WINDOW, small_fleet};
use crate::network::{Ca, address};

/// A running proxy. It ends when it is dropped.
struct TinyProxy {
    process: Child,
    port: u16,
}

impl TinyProxy {
    fn start(home: &Path) -> Self {
        let exists = || Command::new("tinyproxy").arg("-v").stdout(Stdio::null()).status().is_ok();
        if !exists() {
            apt("tinyproxy-bin").unwrap_or_else(|reason| panic!("could not install tinyproxy: {reason}"));
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let (settings, log) = (home.join("tinyproxy.conf"), home.join("tinyproxy.log"));
        let text = format!("Port {port}\nListen 127.0.0.1\nBasicAuth dba s3cret\nLogFile \"{}\"\n", log.display());
        fs::write(&settings, text).expect("a file");
        let mut command = Command::new("tinyproxy");
        let process = command.arg("-d").arg("-c").arg(&settings).stdout(Stdio::null()).spawn().expect("it starts");
        wait_until("tinyproxy", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { process, port }
    }

    fn url(&self, password: &str) -> String {
        format!("http://dba:{password}@127.0.0.1:{}", self.port)
    }
}

impl Drop for TinyProxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address of this machine to which a proxy is used: none of the loopback interface.
fn own_address() -> Option<SocketAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent. The address is one for documentation (RFC 5737).
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().filter(|address| !address.ip().is_loopback())
}

#[test]
fn a_report_behind_tinyproxy_is_the_same_with_tls_and_without() {
    if skipped("tinyproxy") {
        return;
    }
    let Some(own) = own_address() else { panic!("this machine has no network: unset SSL_USAGE_PEERS") };
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    let proxy = TinyProxy::start(home.path());
    let expected = Run::of(against(&aws, home.path()).args(["analyze", "--format", "json"]).args(WINDOW)).json();
    let ca = Ca::new("Example Corp CA");
    let bundle = home.path().join("corp.pem");
    fs::write(&bundle, ca.pem()).expect("a file");
    let front = ca.front_at("0.0.0.0:0", &[&own.ip().to_string()], 2099, address(&aws));
    let open = crate::network::relay("0.0.0.0:0", address(&aws));
    let run = |endpoint: &str, variable: &str, password: &str| {
        let alone = TempDir::new().expect("a folder");
        let mut command = ssl_usage(alone.path());
        command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_CA_BUNDLE", &bundle).env(variable, proxy.url(password));
        Run::of(command.args(["analyze", "--format", "json"]).args(WINDOW))
    };
    let secure = format!("https://{}:{}", own.ip(), front.port());
    let through = run(&secure, "HTTPS_PROXY", "s3cret");
    assert_eq!((through.status, through.json()), (0, expected.clone()), "{}", through.err);
    let denied = run(&secure, "HTTPS_PROXY", "wrong");
    let said = "status 401 Unauthorized. Set HTTPS_PROXY with the right user and password";
    assert!(denied.status == 1 && denied.err.contains(said) && !denied.err.contains("wrong"), "{denied:?}");
    let plain = format!("http://{}:{}", own.ip(), open.port());
    let through = run(&plain, "http_proxy", "s3cret");
    assert_eq!((through.status, through.json()), (0, expected), "{}", through.err);
    // It resets the connection while the request is still being sent.
    let denied = run(&plain, "http_proxy", "wrong");
    assert!(denied.status == 1 && denied.err.contains("Check the network and the proxy"), "{denied:?}");
    assert!(!denied.err.contains("wrong"), "{}", denied.err);
    let log = fs::read_to_string(home.path().join("tinyproxy.log")).expect("a log");
    assert!(log.contains(&format!("CONNECT {}:{}", own.ip(), front.port())), "{log}");
}

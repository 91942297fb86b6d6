//! Reaching AWS from a company's network: proxies, private CAs, endpoints of other partitions; and what a run says that does
//! not reach it.

mod proxy;
pub mod tls;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::command::{Run, against, aloud, ssl_usage};
use crate::fake_aws::{FakeAws, Fault, FaultKind};
use crate::fleet::{WINDOW, small_fleet};
pub use proxy::{Answer, Proxy};
pub use tls::{Ca, relay};

const NAMES: [&str; 2] = ["*.eu-west-1.amazonaws.com", "*.us-east-1.amazonaws.com"];

/// Where a fake listens.
pub fn address(aws: &FakeAws) -> SocketAddr {
    aws.url().trim_start_matches("http://").parse().expect("an address")
}

/// The command without an endpoint of its own.
fn outside(home: &Path) -> Command {
    let mut command = ssl_usage(home);
    command.env_remove("AWS_ENDPOINT_URL").args(["analyze", "--format", "json"]).args(WINDOW);
    command
}

/// A proxy with a password, and the command behind it, for which a private CA signs the certificates of AWS.
fn proxied_command(aws: &FakeAws, home: &Path) -> (Proxy, Command) {
    let ca = Ca::new("Example Corp Inspection CA");
    let proxy = Proxy::start(Answer::Through(ca.front(&NAMES, 2099, address(aws))));
    let bundle = home.join("corp.pem");
    fs::write(&bundle, ca.pem()).expect("a file");
    let mut command = ssl_usage(home);
    command.env_remove("AWS_ENDPOINT_URL").env("HTTPS_PROXY", proxy.url("dba:p%40ss@")).env("AWS_CA_BUNDLE", &bundle);
    (proxy, command)
}

/// The command behind such a proxy.
pub fn behind_proxy(aws: &FakeAws, home: &Path) -> Command {
    proxied_command(aws, home).1
}

/// An address at which nothing listens.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address")
}

#[test]
fn behind_a_proxy_with_a_password_and_a_private_ca_a_report_is_the_same() {
    let aws = FakeAws::start(small_fleet());
    let (direct, proxied) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let expected = Run::of(against(&aws, direct.path()).args(["analyze", "--format", "json"]).args(WINDOW));
    let (proxy, mut command) = proxied_command(&aws, proxied.path());
    let run = Run::of(command.args(["analyze", "--format", "json"]).args(WINDOW));
    assert_eq!((run.status, run.json()), (0, expected.json()), "{}", run.err);
    let hosts = ["ec2", "logs", "monitoring", "rds", "sts"].map(|name| format!("{name}.eu-west-1.amazonaws.com:443"));
    assert_eq!(proxy.hosts(), hosts);
    // dba:p@ss
    assert!(proxy.seen().iter().all(|head| head.contains("Proxy-Authorization: Basic ZGJhOnBAc3M=")));
    assert!(!run.err.contains("p@ss") && !run.err.contains("p%40ss"), "{}", run.err);
}

#[test]
fn a_profile_names_its_ca_bundle_and_the_environment_goes_before_it() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    let ca = Ca::new("Example Corp CA");
    let front = ca.front(&["localhost"], 2099, address(&aws));
    fs::create_dir(home.path().join(".aws")).expect("a folder");
    let good = home.path().join("good.pem");
    fs::write(&good, ca.pem()).expect("a file");
    let of_profile = |bundle: &Path| {
        let keys = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\nregion = eu-west-1";
        let config = format!("[profile corp]\n{keys}\nca_bundle = {}\n", bundle.display());
        fs::write(home.path().join(".aws/config"), config).expect("a file");
    };
    let run = |bundle: Option<&Path>| {
        let mut command = outside(home.path());
        command.args(["--profile", "corp"]).env("AWS_ENDPOINT_URL", format!("https://localhost:{}", front.port()));
        bundle.map(|bundle| command.env("AWS_CA_BUNDLE", bundle));
        Run::of(&mut command)
    };
    of_profile(&good);
    assert_eq!(run(None).status, 0);
    let missing = home.path().join("missing.pem");
    let broken = run(Some(&missing));
    let said = format!("ssl-usage: AWS_CA_BUNDLE ({}): could not read the file: No such file", missing.display());
    assert!(broken.status == 2 && broken.err.starts_with(&said), "{broken:?}");
    of_profile(&missing);
    assert_eq!(run(Some(&good)).status, 0);
    let broken = run(None);
    assert!(broken.status == 2 && broken.err.contains("ca_bundle of the profile corp ("), "{broken:?}");
    for (content, said) in
        [("", "the file contains no certificate"), ("-----BEGIN CERTIFICATE-----\nAAAA", "no PEM file")]
    {
        fs::write(&missing, content).expect("a file");
        let broken = run(None);
        assert!(broken.status == 2 && broken.err.contains(said), "{broken:?}");
    }
}

#[test]
fn a_certificate_that_cannot_be_trusted_is_described() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    let (ca, other) = (Ca::new("Example Corp Inspection CA"), Ca::new("Another CA"));
    let bundle = home.path().join("corp.pem");
    fs::write(&bundle, ca.pem()).expect("a file");
    let behind = address(&aws);
    for (front, said) in [
        (
            other.front(&["localhost"], 2099, behind),
            format!("has a certificate from an untrusted CA: CN=Another CA is not in AWS_CA_BUNDLE ({})", bundle.display()),
        ),
        (
            ca.front(&["localhost"], 2021, behind),
            "has a certificate that is valid from 2020-01-01 00:00 UTC to 2021-01-01 00:00 UTC, but the clock of this machine shows 20".to_owned(),
        ),
        (ca.front(&["db.example.com"], 2099, behind), "has a certificate for other names (db.example.com)".to_owned()),
        (behind, "did not complete the TLS handshake".to_owned()),
    ] {
        let mut command = outside(home.path());
        command.env("AWS_ENDPOINT_URL", format!("https://localhost:{}", front.port())).env("AWS_CA_BUNDLE", &bundle);
        let run = Run::of(&mut command);
        let said = format!("rds:DescribeDBInstances failed: the endpoint localhost:{} {said}", front.port());
        assert!(run.status == 1 && run.err.contains(&said), "{said}: {run:?}");
        assert!(run.json()["instances"].as_array().is_some_and(Vec::is_empty));
    }
}

#[test]
fn a_proxy_that_does_not_lead_to_aws_says_why() {
    let home = TempDir::new().expect("a folder");
    let run = |proxy: &str| Run::of(outside(home.path()).env("HTTPS_PROXY", proxy));
    for (line, said) in [
        (
            "407 Proxy Authentication Required",
            "status 407 Proxy Authentication Required. Set HTTPS_PROXY with the right user and password",
        ),
        ("403 Forbidden", "status 403 Forbidden. Ask the owner of the proxy to allow rds.eu-west-1.amazonaws.com:443"),
        ("503 Service Unavailable", "status 503 Service Unavailable. "),
    ] {
        let proxy = Proxy::start(Answer::Status(line));
        let run = run(&proxy.url("dba:secret@"));
        assert!(run.status == 1 && run.err.contains("the proxy 127.0.0.1:") && run.err.contains(said), "{run:?}");
        assert!(!run.err.contains("secret"), "{}", run.err);
    }
    let refused = run(&format!("http://{}", closed()));
    assert!(refused.status == 1 && refused.err.contains("refused the connection. Check HTTPS_PROXY"), "{refused:?}");
    // Such names never exist. Source: RFC 6761, section 6.4.
    let unknown = run("http://proxy.invalid:3128");
    assert!(
        unknown.err.contains("the proxy proxy.invalid:3128 is unknown: its name could not be resolved"),
        "{unknown:?}"
    );
    let unsupported = run("socks5://dba:secret@127.0.0.1:1080");
    let said = "ssl-usage: HTTPS_PROXY: proxies of the type socks5 are not supported. Set HTTPS_PROXY to an address";
    assert!(unsupported.status == 2 && unsupported.err.starts_with(said), "{unsupported:?}");
}

#[test]
fn hosts_of_no_proxy_and_of_this_machine_are_called_directly() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    let proxy = Proxy::start(Answer::Status("403 Forbidden"));
    let run = |endpoint: &str, none: &str| {
        let mut command = outside(home.path());
        command.env("AWS_ENDPOINT_URL", endpoint).env("ALL_PROXY", proxy.url("")).env("NO_PROXY", none);
        Run::of(&mut command)
    };
    assert_eq!(run(&aws.url(), "").status, 0);
    let direct = run("https://aws.invalid", "example.com,.invalid");
    assert!(direct.err.contains("the endpoint aws.invalid:443 is unknown"), "{direct:?}");
    assert!(proxy.seen().is_empty(), "{:?}", proxy.seen());
    let proxied = run("https://aws.invalid", "example.com");
    assert!(proxied.err.contains("status 403 Forbidden"), "{proxied:?}");
    assert_eq!(proxy.hosts(), ["aws.invalid:443"]);
}

#[test]
fn each_partition_and_kind_of_endpoint_has_its_own_hosts() {
    for (variables, arguments, hosts) in [
        (
            &[("AWS_REGION", "")][..],
            &["--region", "us-gov-west-1"][..],
            &["rds.us-gov-west-1.amazonaws.com", "sts.us-gov-west-1.amazonaws.com"][..],
        ),
        (
            &[("AWS_REGION", "eu-west-1")],
            &["--region", "cn-north-1"],
            &["rds.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.amazonaws.com.cn"],
        ),
        (
            &[("AWS_USE_FIPS_ENDPOINT", "true")],
            &["--region", "us-east-1"],
            &["rds-fips.us-east-1.amazonaws.com", "sts-fips.eu-west-1.amazonaws.com"],
        ),
        (&[("AWS_USE_DUALSTACK_ENDPOINT", "true")], &[], &["rds.eu-west-1.api.aws", "sts.eu-west-1.api.aws"]),
    ] {
        let home = TempDir::new().expect("a folder");
        let proxy = Proxy::start(Answer::Status("403 Forbidden"));
        let mut command = outside(home.path());
        command.env("HTTPS_PROXY", proxy.url("")).envs(variables.iter().copied()).args(arguments);
        if variables.contains(&("AWS_REGION", "")) {
            command.env_remove("AWS_REGION");
        }
        let run = Run::of(&mut command);
        let found = proxy.hosts();
        assert_eq!(found, hosts.iter().map(|host| format!("{host}:443")).collect::<Vec<_>>(), "{run:?}");
    }
}

#[test]
fn a_region_that_does_not_exist_is_named_with_the_one_that_looks_like_it() {
    let home = TempDir::new().expect("a folder");
    let run = Run::of(outside(home.path()).args(["--region", "eu-wst-1"]));
    let said = "the endpoint rds.eu-wst-1.amazonaws.com:443 is unknown: its name could not be resolved";
    assert!(run.err.contains(said), "{run:?}");
    assert!(run.err.contains("Check whether eu-wst-1 is an AWS region, or use eu-west-1."), "{run:?}");
}

#[test]
fn calls_over_a_network_without_encryption_are_warned_of_once() {
    let home = TempDir::new().expect("a folder");
    let warned = "ssl-usage: http://aws.invalid: calls to this endpoint are not encrypted";
    let mut command = outside(home.path());
    command.env("AWS_ENDPOINT_URL", "http://aws.invalid").env("AWS_ENDPOINT_URL_RDS", "http://user:secret@aws.invalid");
    let run = Run::of(command.args(["--region", "eu-west-1,us-east-1"]));
    assert_eq!(run.err.matches(warned).count(), 1, "{}", run.err);
    assert!(!run.err.contains("secret"), "{}", run.err);
    let aws = FakeAws::start(small_fleet());
    let local = Run::of(against(&aws, home.path()).args(["analyze"]).args(WINDOW));
    assert!(!local.err.contains("not encrypted"), "{}", local.err);
}

#[test]
fn an_endpoint_that_is_no_address_is_an_error_and_no_call_is_made() {
    let home = TempDir::new().expect("a folder");
    for (variable, value) in [
        ("AWS_ENDPOINT_URL", ""),
        ("AWS_ENDPOINT_URL_RDS", ""),
        ("AWS_ENDPOINT_URL_CLOUDWATCH", ""),
        ("AWS_ENDPOINT_URL", "127.0.0.1:5100"),
        ("AWS_ENDPOINT_URL_STS", "http:// x"),
    ] {
        let run = Run::of(outside(home.path()).env(variable, value));
        let said = "is not an http:// or https:// address. Correct or unset AWS_ENDPOINT_URL";
        assert!(run.status == 2 && run.err.contains(said), "{variable}={value}: {run:?}");
    }
}

#[test]
fn a_region_without_proxies_and_global_clusters_has_none() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    for action in ["DescribeDBProxies", "DescribeGlobalClusters"] {
        aws.fault(Fault::new(FaultKind::NotInRegion).on(action));
    }
    let run = Run::of(against(&aws, home.path()).args(["analyze", "--format", "json"]).args(WINDOW));
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(aws.calls().iter().any(|call| call.action == "DescribeGlobalClusters"));
}

#[test]
fn a_denial_says_which_policy_denies_and_carries_the_request_id() {
    const SCP: &str = "User: arn:aws:iam::123456789012:user/test is not authorized to perform: rds:DescribeDBProxies with an \
                       explicit deny in a service control policy";
    for (message, hint) in [
        (SCP, "Ask the administrator of the AWS organization: a service control policy denies rds:DescribeDBProxies."),
        (
            "... because no permissions boundary allows the action",
            "Ask for a permissions boundary that allows rds:DescribeDBProxies.",
        ),
        ("... because no identity-based policy allows the action", "Grant the permission rds:DescribeDBProxies."),
    ] {
        let aws = FakeAws::start(small_fleet());
        let home = TempDir::new().expect("a folder");
        aws.fault(Fault::new(FaultKind::Denied(message)).on("DescribeDBProxies"));
        let run = Run::of(against(&aws, home.path()).args(["analyze", "--format", "json"]).args(WINDOW));
        assert_eq!(run.status, 3, "{run:?}");
        assert!(
            run.err.contains(&format!("AWS denied the call. {hint} AWS says: \"{message}\" (request ID 0000")),
            "{}",
            run.err
        );
        let error = run.json()["errors"][0].clone();
        assert_eq!(error["aws_message"], message);
        assert!(error["request_id"].as_str().is_some_and(|id| id.starts_with("0000")), "{error}");
    }
}

#[test]
fn a_message_of_an_endpoint_is_only_text_in_every_format() {
    let message: String = crate::formats::hostile().iter().map(|(name, _)| format!("{name}\n")).collect();
    let message: &str = message.leak();
    let aws = FakeAws::start(small_fleet());
    aws.fault(Fault::new(FaultKind::Denied(message)).on("DescribeLogGroups"));
    for format in ["table", "csv", "json", "ndjson", "markdown", "html", "summary", "openmetrics", "ocsf"] {
        let home = TempDir::new().expect("a folder");
        let run = Run::of(against(&aws, home.path()).args(["analyze", "--format", format]).args(WINDOW));
        assert_eq!(run.status, 3, "{format}: {}", run.err);
        let acts = |letter: char| letter.is_control() && !"\r\n".contains(letter);
        for text in [&run.out, &run.err] {
            let is_markup = ["html", "markdown"].contains(&format) && run.out.contains("<script>alert");
            assert!(!text.contains(acts) && !is_markup, "{format}: {text}");
            assert!(["json", "ndjson"].contains(&format) || !text.contains('\u{202e}'), "{format}: {text}");
        }
        assert!(run.err.lines().all(|line| line.chars().count() < 2_000), "{format}: {}", run.err);
    }
}

#[test]
fn what_no_longer_exists_is_not_asked_for_again() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    aws.fault(Fault::new(FaultKind::Gone("DBParameterGroupNotFound")).on("DescribeDBParameters"));
    let run = Run::of(against(&aws, home.path()).args(["analyze", "--format", "json"]).args(WINDOW));
    assert!(
        run.err.contains("the parameter group no longer exists. Assign an existing parameter group"),
        "{}",
        run.err
    );
    assert!(!run.err.contains("run the command again") && !run.err.contains("Run the command again"), "{}", run.err);
}

#[test]
fn every_call_is_listed_on_demand_and_no_secret_is() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    let run = |option: &str| {
        aws.fault(
            Fault::new(FaultKind::ServiceUnavailable).on("DescribeCertificates").at(crate::fake_aws::Calls::Nth(1)),
        );
        let mut command = aloud(&aws, home.path());
        Run::of(command.env("AWS_SESSION_TOKEN", "token-in-secret").args([option, "analyze"]).args(WINDOW))
    };
    let listed = run("-v");
    let line = |run: &Run, text: &str| run.err.lines().filter(|line| line.contains(text)).count();
    assert_eq!(line(&listed, " rds:DescribeCertificates eu-west-1 503 "), 1, "{}", listed.err);
    assert_eq!(line(&listed, " rds:DescribeCertificates eu-west-1 200 "), 1, "{}", listed.err);
    for call in [
        "sts:GetCallerIdentity",
        "rds:DownloadCompleteDBLogFile",
        "cloudwatch:GetMetricData",
        "logs:GetLogEvents",
        "ec2:DescribeNetworkInterfaces",
    ] {
        let found = listed.err.lines().find(|line| line.contains(&format!(" {call} eu-west-1 200 ")));
        assert!(
            found.is_some_and(|line| line.contains(" s, request ID 00000000-0000-4000-8000-")),
            "{call}: {}",
            listed.err
        );
    }
    assert!(!listed.err.contains("attempt 2 of 4"), "{}", listed.err);
    for secret in ["secret", "AKIDEXAMPLE", "Signature", "Credential"] {
        assert!(!listed.err.contains(secret), "{secret}: {}", listed.err);
    }
    assert!(run("-vv").err.contains("attempt 2 of 4"));
    let quiet = run("--quiet");
    assert_eq!((quiet.status, quiet.err.as_str()), (0, ""));
}

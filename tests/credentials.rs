//! Credentials that cannot be had: each error names the profile, the step and the cause.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::command::{Run, against};
use crate::fake_aws::FakeAws;
use crate::fleet::{WINDOW, small_fleet};

/// Profiles as users have them, most of them with a mistake.
const CONFIG: &str = "
[default]
region = eu-west-1
[profile good]
aws_access_key_id = AKIDPROFILE
aws_secret_access_key = secret
[profile sso]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = auditor
[sso-session corp]
sso_region = eu-west-1
sso_start_url = https://corp.awsapps.com/start
[profile sso-legacy]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = auditor
[profile sso-unknown]
sso_session = nowhere
sso_account_id = 111122223333
sso_role_name = auditor
[profile role]
role_arn = arn:aws:iam::111122223333:role/auditor
source_profile = good
[profile mfa]
role_arn = arn:aws:iam::111122223333:role/auditor
source_profile = good
mfa_serial = arn:aws:iam::111122223333:mfa/dba
[profile over-sso]
role_arn = arn:aws:iam::111122223333:role/auditor
source_profile = sso
[profile no-source]
role_arn = arn:aws:iam::111122223333:role/auditor
source_profile = gone
[profile process]
credential_process = sh -c 'echo \"vault: log in first\" >&2; exit 3'
[profile no-json]
credential_process = echo nothing
[profile half]
aws_access_key_id = AKIDHALF
[profile empty]
region = eu-west-1
[profile token]
role_arn = arn:aws:iam::111122223333:role/auditor
web_identity_token_file = /nonexistent/token
[profile login]
login_session = arn:aws:iam::111122223333:user/dba
";

/// The command with these profiles and no other credentials.
fn profiles(aws: &FakeAws, home: &Path) -> Command {
    fs::create_dir_all(home.join(".aws/sso/cache")).expect("a folder");
    fs::write(home.join(".aws/config"), CONFIG).expect("a file");
    let mut command = against(aws, home);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env_remove("AWS_REGION");
    command.env("PATH", "/usr/bin:/bin").args(["analyze"]).args(WINDOW);
    command
}

#[test]
fn an_error_names_the_profile_the_step_and_the_cause() {
    let aws = FakeAws::start(small_fleet());
    let role = "sts:AssumeRole failed: the role arn:aws:iam::111122223333:role/auditor could not be assumed";
    for (profile, said) in [
        ("sso", "the profile sso is not signed in: it has no SSO session. Run `aws sso login --profile sso`."),
        (
            "sso-legacy",
            "the profile sso-legacy is not signed in: it has no SSO session. Run `aws sso login --profile sso-legacy`.",
        ),
        ("sso-unknown", "sso-session named `nowhere` (referenced by profile `sso-unknown`) was not found"),
        ("over-sso", "the profile sso is not signed in: it has no SSO session. Run `aws sso login --profile sso`."),
        ("role", role),
        (
            "role",
            "AWS says: \"User is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/auditor\" (request ID 0000",
        ),
        (
            "mfa",
            "the profile mfa needs an MFA code. Run `eval \"$(aws configure export-credentials --profile mfa --format env)\"`",
        ),
        ("no-source", "could not find source profile gone referenced from no-source"),
        (
            "process",
            "the credential_process of the profile process failed: exit status: 3: vault: log in first. Run its command in a shell",
        ),
        ("no-json", "the credential_process of the profile no-json failed: could not parse response"),
        ("half", "profile missing aws_secret_access_key"),
        ("empty", "the profile empty has no credentials"),
        ("token", "the web_identity_token_file of the profile token cannot be used: No such file"),
        ("login", "the profile login signs in with `aws login`, which is not supported. Run `eval"),
        (
            "emtpy",
            "--profile: the profile emtpy does not exist in the AWS configuration. Did you mean empty? The known profiles are ",
        ),
    ] {
        let home = TempDir::new().expect("a folder");
        let run = Run::of(profiles(&aws, home.path()).args(["--profile", profile]));
        assert_eq!((run.status, run.out.as_str(), run.err.lines().count()), (1, "", 1), "{profile}: {run:?}");
        assert!(run.err.contains(said), "{profile}: {}", run.err);
    }
    assert!(aws.calls().iter().all(|call| call.action == "AssumeRole"), "no other credentials were used");
}

#[test]
fn the_profile_that_is_named_goes_before_the_environment() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    let keys = [("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    let run = |arguments: &[&str]| Run::of(profiles(&aws, home.path()).envs(keys).args(arguments));
    assert_eq!(run(&["--profile", "good", "--region", "eu-west-1"]).status, 0);
    assert!(aws.calls().iter().all(|call| call.key == "AKIDPROFILE"));
    let broken = run(&["--profile", "half"]);
    assert!(broken.status == 1 && broken.err.contains("profile missing aws_secret_access_key"), "{broken:?}");
    let before = aws.calls().len();
    assert_eq!(run(&["--region", "eu-west-1"]).status, 0);
    assert!(aws.calls()[before..].iter().all(|call| call.key == "AKIDENVIRONMENT"));
    // Half of what is needed, and the profile would be another account.
    for (name, value) in [keys[0], keys[1], ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token")] {
        let mut command = profiles(&aws, home.path());
        let run = Run::of(command.env(name, value).env("AWS_PROFILE", "empty"));
        assert!(run.status == 1 && run.err.contains("cannot be used: "), "{name}: {run:?}");
    }
    // What AWS_PROFILE names does not exist, with keys in the environment too.
    let missing = Run::of(profiles(&aws, home.path()).env("AWS_PROFILE", "god").envs(keys));
    assert!(missing.status == 1 && missing.err.contains("AWS_PROFILE: the profile god does not exist"), "{missing:?}");
    // What AWS_PROFILE names does not exist, and the role of the machine would be another account.
    let missing = Run::of(profiles(&aws, home.path()).env("AWS_PROFILE", "god"));
    let said = "ssl-usage: AWS_PROFILE: the profile god does not exist in the AWS configuration. Did you mean good?";
    assert!(missing.status == 1 && missing.err.starts_with(said), "{missing:?}");
}

#[test]
fn a_profile_without_credentials_does_not_keep_others_from_being_asked() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    let mut command = profiles(&aws, home.path());
    command.args(["--format", "json", "--region", "eu-west-1", "--profile", "good", "--profile", "sso"]);
    let run = Run::of(&mut command);
    assert_eq!(run.status, 3, "{run:?}");
    assert_eq!(run.json()["instances"].as_array().map(Vec::len), Some(24));
    assert_eq!(run.err.matches("Run `aws sso login --profile sso`").count(), 1, "{}", run.err);
}

/// A single sign-on portal that refuses every token, as AWS does.
///
/// Source: `GetRoleCredentials` in the IAM Identity Center portal API reference.
fn portal(status: &'static str, code: &'static str, message: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let body = format!("{{\"message\":\"{message}\"}}");
            let headers =
                format!("x-amzn-errortype: {code}\r\nx-amzn-requestid: sso-0001\r\ncontent-type: application/json");
            let _ = write!(stream, "HTTP/1.1 {status}\r\n{headers}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    format!("http://{address}")
}

#[test]
fn a_session_that_aws_refuses_is_told_from_a_role_that_was_not_given() {
    let aws = FakeAws::start(small_fleet());
    for (status, code, message, said) in [
        (
            "401 Unauthorized",
            "UnauthorizedException",
            "Session token not found or invalid",
            "sso:GetRoleCredentials failed: the SSO session of the profile sso-legacy has expired. Run `aws sso login --profile sso-legacy`.",
        ),
        (
            "403 Forbidden",
            "ForbiddenException",
            "No access",
            "sso:GetRoleCredentials failed: single sign-on does not give this user the role of the profile sso-legacy. Check sso_account_id",
        ),
    ] {
        let home = TempDir::new().expect("a folder");
        let mut command = profiles(&aws, home.path());
        // Named by the SHA-1 of the start URL. Source: "SSO credential provider" in the AWS SDKs and Tools reference guide.
        let cache = home.path().join(".aws/sso/cache/a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json");
        let (start, end) = ("https://corp.awsapps.com/start", "2099-01-01T00:00:00Z");
        let token =
            serde_json::json!({"accessToken": "token", "expiresAt": end, "region": "eu-west-1", "startUrl": start});
        fs::write(cache, token.to_string()).expect("a file");
        command.env("AWS_ENDPOINT_URL_SSO", portal(status, code, message)).args(["--profile", "sso-legacy"]);
        let run = Run::of(&mut command);
        assert!(run.status == 1 && run.err.contains(said), "{run:?}");
        assert!(run.err.contains(&format!("AWS says: \"{message}\" (request ID sso-0001)")), "{run:?}");
    }
}

//! Real database servers: PostgreSQL 12, 15 and 18, MariaDB and MySQL. Which certificate they present is checked with OpenSSL.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use serde_json::Value;
use tempfile::TempDir;

use super::install::{apt, once, run, skipped};
use crate::command::{Run, against, ssl_usage, wait_until};
use crate::fake_aws::FakeAws;
use crate::fleet::{WINDOW, small_fleet};
use crate::network::tls::Ca;

/// The packages with the servers of PostgreSQL.
const PACKAGES: &str = include_str!("databases.json");

/// Unpacks MySQL, which Debian's releases do not have.
const MYSQL: &str = include_str!("mysql.sh");

/// A user without privileges: PostgreSQL does not run as root.
const NOBODY: u32 = 65534;

/// The folders of the servers of PostgreSQL.
fn postgres_servers() -> PathBuf {
    let made = once("databases", PACKAGES, |folder| {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        fs::write(folder.join("package.json"), PACKAGES).map_err(|error| error.to_string())?;
        let install = || {
            let mut npm = Command::new("npm");
            run(npm.args(["install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]).current_dir(folder))
        };
        install().or_else(|_| apt("npm").and_then(|()| install())).map(drop)
    });
    made.unwrap_or_else(|reason| panic!("could not install PostgreSQL: {reason}")).join("node_modules")
}

/// The folder with MySQL and its libraries.
fn mysql_server() -> PathBuf {
    let made =
        once("mysql", MYSQL, |folder| run(Command::new("sh").args(["-c", MYSQL, "mysql.sh"]).arg(folder)).map(drop));
    made.unwrap_or_else(|reason| panic!("could not install MySQL: {reason}")).join("root")
}

/// The folder with MariaDB's plugins, unpacked: the package with them would install and start a server.
pub(super) fn mariadb_plugins() -> PathBuf {
    const UNPACK: &str =
        "mkdir -p \"$1\" && cd \"$1\" && apt-get -qq download mariadb-server && dpkg-deb -x mariadb-server_*.deb .";
    let made = once("mariadb-plugins", UNPACK, |folder| {
        let unpack = || run(Command::new("sh").args(["-c", UNPACK, "unpack"]).arg(folder)).map(drop);
        unpack().or_else(|_| run(Command::new("apt-get").args(["-qq", "update"])).and_then(|_| unpack()))
    });
    made.unwrap_or_else(|reason| panic!("could not unpack MariaDB's plugins: {reason}")).join("usr/lib/mysql/plugin")
}

/// Makes sure of a program, which is in a package of Debian's.
pub(super) fn exists(program: &str, package: &str) {
    let found = || Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok();
    if !found() {
        apt(package).unwrap_or_else(|reason| panic!("could not install {program}: {reason}"));
    }
}

/// A server of a database, in a folder of its own, with a certificate in `server.crt`. It ends when it is dropped.
pub(super) struct Database {
    pub home: TempDir,
    process: Child,
    pub port: u16,
    pub is_postgres: bool,
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs as somebody without privileges, if it is run by root.
fn humble<'c>(command: &'c mut Command, home: &Path) -> &'c mut Command {
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    // A server that starts removes the temporary tables that it finds, those of others too.
    command.current_dir(home).env("HOME", home).env("TMPDIR", home)
}

fn give_away(path: &Path) {
    if rustix::process::geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

impl Database {
    /// PostgreSQL of a major version. The programs are copied to where anybody may read them.
    pub fn postgres(major: u32, ca: &Ca) -> Self {
        exists("psql", "postgresql-client");
        let native = postgres_servers().join(format!("postgres-{major}/native"));
        let home = TempDir::new().expect("a folder");
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        run(Command::new("cp").arg("-r").arg(&native).arg(home.path().join("native"))).expect("a copy");
        give_away(home.path());
        let bin = |name: &str| home.path().join("native/bin").join(name);
        issue(home.path(), ca, 2027);
        let data = home.path().join("data");
        run(humble(Command::new(bin("initdb")).args(["-A", "trust", "-U", "postgres", "-D"]).arg(&data), home.path()))
            .expect("a database");
        let port = free_port();
        let settings = format!(
            "port={port}\nlisten_addresses='0.0.0.0'\nunix_socket_directories=''\nssl=on\nssl_cert_file='{0}/server.crt'\n\
             ssl_key_file='{0}/server.key'\nlog_connections=on\nlog_disconnections=on\nlog_timezone=UTC\n\
             log_line_prefix='%t:%r:%u@%d:[%p]:'\nlogging_collector=on\nlog_directory='{0}'\nlog_filename='postgresql.log'\n",
            home.path().display()
        );
        fs::write(data.join("postgresql.auto.conf"), settings).expect("settings");
        let rules = "host all postgres 127.0.0.1/32 trust\nhost all all 0.0.0.0/0 md5\n";
        fs::write(data.join("pg_hba.conf"), rules).expect("rules");
        let mut server = Command::new(bin("postgres"));
        let process =
            humble(server.arg("-D").arg(&data).stderr(Stdio::null()), home.path()).spawn().expect("it starts");
        Self { home, process, port, is_postgres: true }.ready()
    }

    /// MariaDB with further options.
    pub fn mariadb(ca: &Ca, options: &[&str]) -> Self {
        exists("mariadbd", "mariadb-server-core");
        exists("mariadb", "mariadb-client-core");
        let home = TempDir::new().expect("a folder");
        give_away(home.path());
        issue(home.path(), ca, 2027);
        let data = home.path().join("data");
        let mut install = Command::new("mariadb-install-db");
        let install = humble(install.arg("--no-defaults").arg("--auth-root-authentication-method=normal"), home.path())
            .arg(format!("--datadir={}", data.display()));
        run(install).expect("a database");
        let (port, path) = (free_port(), home.path().display().to_string());
        let mut server = Command::new("mariadbd");
        server.arg("--no-defaults").args(mysql_options(&path, port)).args(options);
        let process = humble(server.stderr(Stdio::null()), home.path()).spawn().expect("it starts");
        Self { home, process, port, is_postgres: false }.ready()
    }

    /// MySQL with further options.
    pub fn mysql(ca: &Ca, options: &[&str]) -> Self {
        exists("mariadb", "mariadb-client-core");
        let home = TempDir::new().expect("a folder");
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).expect("permissions");
        let root = home.path().join("root");
        run(Command::new("cp").arg("-r").arg(mysql_server()).arg(&root)).expect("a copy");
        give_away(home.path());
        issue(home.path(), ca, 2027);
        // It needs a newer C library than this machine may have.
        let server = || {
            let mut server = Command::new(root.join("usr/lib64/ld-linux-x86-64.so.2"));
            server.arg("--library-path").arg(root.join("usr/lib/x86_64-linux-gnu"));
            server.arg("--argv0").arg(root.join("usr/sbin/mysqld")).arg(root.join("usr/sbin/mysqld"));
            let share = root.join("usr/share/mysql");
            server.arg("--no-defaults").arg(format!("--basedir={}", root.join("usr").display()));
            server.arg(format!("--datadir={}/data", home.path().display()));
            server.arg(format!("--lc-messages-dir={}", share.display()));
            server.arg(format!("--character-sets-dir={}/charsets", share.display()));
            server.arg(format!("--plugin-dir={}/usr/lib/mysql/plugin", root.display()));
            server
        };
        run(humble(server().arg("--initialize-insecure"), home.path())).expect("a database");
        let (port, path) = (free_port(), home.path().display().to_string());
        let mut started = server();
        // It does not reload a certificate whose CA it does not know.
        started.args(["--secure-file-priv=", "--mysqlx=OFF"]).arg(format!("--ssl-ca={path}/ca.crt"));
        started.args(mysql_options(&path, port)).args(options);
        let process = humble(started.stderr(Stdio::null()), home.path()).spawn().expect("it starts");
        Self { home, process, port, is_postgres: false }.ready()
    }

    fn ready(self) -> Self {
        // A session of PostgreSQL would be in the log that tests look at.
        let is_ready = || if self.is_postgres { !self.fingerprint().is_empty() } else { self.ask("SELECT 1").is_ok() };
        wait_until("a database", is_ready);
        self
    }

    /// Has the server read its certificate again.
    fn reload(&self) {
        if self.is_postgres {
            run(Command::new("kill").args(["-HUP", &self.process.id().to_string()])).expect("a signal");
        } else {
            self.sql("FLUSH SSL");
        }
    }

    /// What the server answers its administrator.
    pub fn sql(&self, text: &str) -> String {
        self.ask(text).expect("an answer")
    }

    fn ask(&self, text: &str) -> Result<String, String> {
        if self.is_postgres {
            let to = format!("host=127.0.0.1 port={} user=postgres dbname=postgres sslmode=disable", self.port);
            return run(Command::new("psql").args(["-X", "-A", "-t", &to, "-c", text]));
        }
        let socket = format!("--socket={}/socket", self.home.path().display());
        let client = ["--no-defaults", "--skip-ssl", "-uroot", "-N", &socket, "-e", text];
        run(Command::new("mariadb").args(client))
    }

    /// SHA-256 of the certificate that is presented, as OpenSSL sees it; empty if there is none.
    fn fingerprint(&self) -> String {
        let protocol = if self.is_postgres { "postgres" } else { "mysql" };
        let ask = format!(
            "openssl s_client -connect 127.0.0.1:{} -starttls {protocol} </dev/null 2>/dev/null \
             | openssl x509 -noout -fingerprint -sha256 2>/dev/null",
            self.port
        );
        let said = Command::new("sh").args(["-c", &ask]).output().expect("a shell");
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        said.trim().rsplit('=').next().unwrap_or_default().replace(':', "").to_lowercase()
    }
}

/// The options of MySQL and MariaDB in a folder.
fn mysql_options(path: &str, port: u16) -> Vec<String> {
    let given = ["--bind-address=0.0.0.0", "--skip-name-resolve", "--general-log=1", "--max-connect-errors=5"];
    let of_folder = [
        format!("--datadir={path}/data"),
        format!("--port={port}"),
        format!("--socket={path}/socket"),
        format!("--general-log-file={path}/general.log"),
        format!("--ssl-cert={path}/server.crt"),
        format!("--ssl-key={path}/server.key"),
        format!("--pid-file={path}/pid"),
        format!("--log-error={path}/error.log"),
    ];
    given.iter().map(|option| (*option).to_owned()).chain(of_folder).collect()
}

/// A certificate for `localhost` until a year, as `server.crt` and `server.key`.
pub(super) fn issue(home: &Path, ca: &Ca, until: i32) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
    params.distinguished_name.push(DnType::CommonName, "localhost");
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(until, 1, 1));
    let certificate = params.signed_by(&key, ca.issuer()).expect("a certificate");
    let files =
        [("server.crt", certificate.pem() + &ca.pem()), ("server.key", key.serialize_pem()), ("ca.crt", ca.pem())];
    for (name, text) in files {
        let path = home.join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
        give_away(&path);
    }
}

/// The row of the instance in a probe of the bundle, and the codes of the reasons of its verdict.
fn probed(aws: &FakeAws, bundle: &Path) -> (Value, Vec<String>) {
    let home = TempDir::new().expect("a folder");
    let mut command = against(aws, home.path());
    let probe = ["probe", "--certificates", "--format", "json", "--bundle"];
    let json = Run::of(command.args(probe).arg(bundle).args(&WINDOW[2..])).json();
    let rows = json["servers"].as_array().expect("servers");
    let row = rows.iter().find(|row| row["address"] == "127.0.0.1").cloned().expect("a row");
    let mut command = ssl_usage(home.path());
    let report = Run::of(command.args(["analyze", "--format", "json", "--from"]).arg(bundle).args(WINDOW)).json();
    let reasons = report["instances"][0]["reasons"].as_array().expect("reasons");
    (row, reasons.iter().map(|reason| reason["code"].as_str().expect("a code").to_owned()).collect())
}

/// A fleet of one instance, at this server, whose certificate is valid until 2099 by the API.
pub(super) fn fleet(database: &Database) -> FakeAws {
    let name = if database.is_postgres { "wiki" } else { "forum" };
    let mut fleet = small_fleet();
    fleet.instances.retain(|instance| instance.id == name);
    let instance = fleet.instance(name);
    instance.files.clear();
    instance.endpoint = Some(("localhost".to_owned(), database.port));
    instance.cert_valid_till = Some("2099-01-01T00:00:00Z".parse().expect("a time"));
    FakeAws::start(fleet)
}

#[test]
fn a_certificate_on_disk_is_not_the_one_that_is_presented() {
    if skipped("PostgreSQL and MariaDB") {
        return;
    }
    exists("openssl", "openssl");
    let ca = Ca::new("Amazon RDS eu-west-1 Root CA RSA2048 G1");
    let databases =
        [12, 15, 18].map(|major| Database::postgres(major, &ca)).into_iter().chain([Database::mariadb(&ca, &[])]);
    for database in databases {
        let (aws, bundle) = (fleet(&database), TempDir::new().expect("a folder"));
        let agrees = |row: &Value| {
            let chain = row["presented"]["chain"].as_array().unwrap_or_else(|| panic!("{row:#}"));
            assert_eq!((chain.len(), &chain[0]["sha256"]), (2, &database.fingerprint().into()), "{row:#}");
        };
        let (row, reasons) = probed(&aws, bundle.path());
        agrees(&row);
        assert!(reasons.iter().any(|code| code == "staged-not-served"), "{reasons:?}");
        // Replaced on disk, and not read again.
        issue(database.home.path(), &ca, 2099);
        let (row, reasons) = probed(&aws, bundle.path());
        agrees(&row);
        assert!(reasons.iter().any(|code| code == "staged-not-served"), "{reasons:?}");
        let before = database.fingerprint();
        database.reload();
        wait_until("the reload", || database.fingerprint() != before);
        let (row, reasons) = probed(&aws, bundle.path());
        agrees(&row);
        assert!(reasons.iter().any(|code| code == "certificate-served"), "{reasons:?}");
        // What a probe leaves behind.
        let log = database.home.path().join(if database.is_postgres { "postgresql.log" } else { "general.log" });
        let home = TempDir::new().expect("a folder");
        let scan = Run::of(ssl_usage(home.path()).args(["scan", "--format", "json"]).arg(&log));
        let text = fs::read_to_string(&log).expect("a log");
        if database.is_postgres {
            let of_clients: Vec<_> = text.lines().filter(|line| line.contains(":127.0.0.1(")).collect();
            assert!(of_clients.iter().all(|line| line.contains("LOG:  connection received: ")), "{text}");
            assert!(of_clients.len() >= 3 && scan.err.contains("sessions are not logged"), "{text}");
        } else {
            // The only sessions are those of the administrator, who waited for the server and had the certificate read again. No
            // probe counts against the host.
            assert_eq!(scan.json()["total"]["connections"]["local"], 2, "{text}");
            assert_eq!(text.matches("Connect\t").count(), 2, "{text}");
            let status = database.sql("SHOW GLOBAL STATUS LIKE 'Aborted_connects'");
            let aborted: u64 = status.split_whitespace().last().and_then(|count| count.parse().ok()).expect("a count");
            assert!(aborted > 5, "more than max_connect_errors: {status}");
        }
    }
}

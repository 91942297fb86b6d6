//! Connection IDs of a MySQL or MariaDB server that does not list its sessions, as with `performance_schema` off.
//!
//! `information_schema.PROCESSLIST` shows no transport. But IDs grow until the server is restarted, so the lowest one shows
//! whether a session is open that is older than the logs. Without the privilege `PROCESS`, users see their own connections
//! alone, without an error. So the list counts only if it shows another user.
//!
//! Sources: "The INFORMATION_SCHEMA PROCESSLIST Table" in the MySQL documentation and "Information Schema PROCESSLIST Table" in
//! that of MariaDB; a run of MariaDB 10.11.

use ssl_usage_parsers::Engine;

use super::database::{Database, QueryError, Row};
use super::{MOST_SESSIONS, is_system, number};

/// Without `INFO`, which holds statements.
const PROCESSES: &str = "SELECT ID, USER, HOST FROM information_schema.PROCESSLIST LIMIT 50001";

/// Threads of the server, which have IDs too.
const THREADS: [&str; 2] = ["system user", "event_scheduler"];
/// A client before its login.
const UNAUTHENTICATED: &str = "unauthenticated user";

/// How much higher than that of the probe an ID may be: of connections that were opened since. A still higher one is older, from
/// before the counter of 32 bits began anew.
const NEWER: u64 = 1 << 20;

/// A connection.
struct Process<'r> {
    id: u64,
    user: &'r str,
    host: &'r str,
}

/// The connections as the server lists them; none if it does not.
pub(super) async fn list(database: &mut Database) -> Result<Option<Vec<Row>>, QueryError> {
    match database.rows(PROCESSES).await {
        Ok(rows) => Ok(Some(rows)),
        // What else was read is not lost, unless the connection broke.
        Err(error) if !error.code.is_empty() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The lowest ID of the clients and of the probe; none if some may be missing from the list. `connected` is the number of
/// connections that the server counts.
pub(super) fn lowest_id(rows: &[Row], engine: &Engine, (own_id, connected): (u64, u64)) -> Option<u64> {
    let all: Vec<Process<'_>> = rows.iter().map(process).collect::<Option<_>>()?;
    let own = all.iter().find(|process| process.id == own_id)?;
    let sees_others = all.iter().any(|process| process.user != own.user && process.user != UNAUTHENTICATED);
    let connections = || all.iter().filter(|process| !process.is_thread());
    let is_whole = rows.len() <= MOST_SESSIONS && connections().count() as u64 >= connected && sees_others;
    let highest = own_id.saturating_add(NEWER).min(u64::from(u32::MAX));
    let is_in_order = connections().all(|process| process.id <= highest);
    let clients = connections().filter(|process| process.id == own_id || !process.is_aws(engine));
    clients.map(|process| process.id).min().filter(|_| is_whole && is_in_order)
}

fn process(row: &Row) -> Option<Process<'_>> {
    let [id, user, host] = row.as_slice() else { return None };
    Some(Process { id: number(id.as_deref())?, user: user.as_deref()?, host: host.as_deref().unwrap_or_default() })
}

impl Process<'_> {
    /// Whether it is no connection. A client may have the name of a thread, but not without a port.
    fn is_thread(&self) -> bool {
        THREADS.contains(&self.user) && !self.host.contains(':')
    }

    fn is_aws(&self, engine: &Engine) -> bool {
        let address = self.host.rsplit_once(':').map_or(self.host, |(address, _)| address);
        is_system(engine, self.user, Some(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Listed<'r> = &'r [(&'r str, &'r str, &'r str)];

    const OWN: (&str, &str, &str) = ("120", "monitor", "10.0.0.9:50000");
    const APP: (&str, &str, &str) = ("90", "app", "10.0.0.7:41000");

    fn lowest(of: Listed<'_>, connected: u64) -> Option<u64> {
        let row =
            |(id, user, host): &(&str, &str, &str)| [id, user, host].map(|text| Some((*text).to_owned())).to_vec();
        let rows: Vec<Row> = of.iter().map(row).collect();
        lowest_id(&rows, Engine::named("mysql").expect("an engine"), (120, connected))
    }

    #[test]
    fn the_lowest_id_is_that_of_clients_and_of_the_probe() {
        let aws = ("3", "rdsadmin", "localhost");
        let scheduler = ("5", "event_scheduler", "localhost");
        assert_eq!(lowest(&[aws, scheduler, APP, OWN], 3), Some(90));
        assert_eq!(lowest(&[aws, scheduler, OWN], 2), Some(120), "nobody else is connected");
        let named = ("5", "event_scheduler", "10.0.0.7:41000");
        assert_eq!(lowest(&[named, APP, OWN], 3), Some(5), "a client may have any name");
        let early = ("7", UNAUTHENTICATED, "10.0.0.7:41000");
        assert_eq!(lowest(&[early, APP, OWN], 3), Some(7));
    }

    #[test]
    fn a_list_that_may_lack_connections_shows_no_lowest_id() {
        assert_eq!(lowest(&[APP, OWN], 3), None, "the server counts more");
        assert_eq!(lowest(&[OWN, ("110", "monitor", "10.0.0.9:50001")], 2), None, "without the privilege PROCESS");
        assert_eq!(lowest(&[OWN, ("7", UNAUTHENTICATED, "10.0.0.7:1")], 2), None, "this is not of another user");
        assert_eq!(lowest(&[APP], 1), None, "the probe is not in it");
        assert_eq!(lowest(&[("9x", "app", "10.0.0.7:1"), OWN], 2), None, "an ID cannot be read");
        assert_eq!(lowest(&[("4294967290", "app", "10.0.0.7:1"), APP, OWN], 3), None, "IDs began anew");
        assert_eq!(lowest(&[("9", "system user", ""), OWN], 2), None, "a thread is no connection");
        let engine = Engine::named("mysql").expect("an engine");
        assert_eq!(lowest_id(&[vec![Some("120".to_owned())]], engine, (120, 1)), None, "a row of another form");
        let many = vec![["90", "app", "10.0.0.7:1"].map(|text| Some(text.to_owned())).to_vec(); MOST_SESSIONS];
        let own = ["120", "monitor", "10.0.0.9:1"].map(|text| Some(text.to_owned())).to_vec();
        assert_eq!(lowest_id(&[many, vec![own]].concat(), engine, (120, 1)), None, "the list is cut");
    }
}

//! What the script shows of each instance, as compact JSON: a row of numbers, most of which are indices of texts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::row::Row;
use super::texts::{Names, Texts, array};
use crate::report::Report;
use crate::report::explain::facts;
use crate::report::lines::around_query;
use crate::report::model::{Client, Day, Instance, Shares};
use crate::shell::command;
use crate::window::Window;

/// The data of a report: the window in seconds, the instances, and their texts. It holds no `<`.
pub(super) fn of<'r>(report: &Report, rows: impl Iterator<Item = Row<'r>>) -> String {
    let window = array([report.window.from, report.window.to].map(Timestamp::as_second));
    let mut json = format!("{{\"window\":{window},\n\"rows\":[");
    let mut texts = Texts::new();
    for row in rows {
        json.push_str(if row.number == 0 { "\n" } else { ",\n" });
        json.push_str(&instance(&mut texts, &row));
    }
    json.push_str("],\n");
    json.push_str(&texts.into_json());
    json.push('}');
    json
}

/// An instance. The script names the values of a row in the same order.
fn instance(texts: &mut Texts, row: &Row<'_>) -> String {
    let it = row.it;
    let names: Names<'_> = [&it.id().instance, &it.id().account, &it.id().region];
    let (titles, facts) = facts_of(texts, row, &names);
    let mut values: Vec<String> = names.iter().map(|name| texts.text(name).to_string()).collect();
    values.push(row.rank().to_string());
    let columns = [
        row.rotation(),
        row.act_by(),
        row.usage(),
        it.restart.to_string(),
        it.enforcement.to_string(),
        row.coverage(),
        it.engine.clone(),
    ];
    values.extend(columns.map(|text| texts.text(&text).to_string()));
    let Shares { tls, plaintext, .. } = it.connections.clients_sessions;
    values.extend([tls, plaintext].map(|count| count.to_string()));
    values.push(row.brief_length().to_string());
    values.push(reasons(texts, row, &names));
    values.extend([titles.to_string(), facts]);
    values.push(array(it.commands.iter().map(|words| texts.prose(&command(words), &names))));
    values.push(texts.prose(&row.no_commands().unwrap_or_default(), &names).to_string());
    values.push(texts.prose(&format!("{}. {}.", row.sessions(), row.logs()), &names).to_string());
    values.push(u8::from(it.coverage.asked.is_some()).to_string());
    values.push(days(it, row.report.window));
    values.push(gaps(texts, it, row.report.window));
    values.push(counts(texts, row));
    values.push(array(row.clients().into_iter().map(|it| client(texts, it, row.report.window))));
    values.push(row.clients_left_out().to_string());
    let not_examined: Vec<_> = it.not_examined.iter().map(|what| texts.prose(what, &names)).collect();
    values.push(texts.list(not_examined).to_string());
    array(values)
}

/// The titles of the facts, as a list, and their texts: what the verdict says, and then what the instance is.
fn facts_of(texts: &mut Texts, row: &Row<'_>, names: &Names<'_>) -> (usize, String) {
    let mut facts = facts(row.report, row.it);
    let first = facts.iter().position(|(title, _)| *title == "TLS usage").unwrap_or_default();
    facts.rotate_left(first);
    let titles: Vec<_> = facts.iter().map(|(title, _)| texts.text(title)).collect();
    let values: Vec<_> = facts.iter().map(|(_, value)| texts.prose(value, names)).collect();
    (texts.list(titles), array(values))
}

/// The reasons: code and text. If the text holds a query, the query, what follows it, and what the table shows of the rest of
/// the text.
fn reasons(texts: &mut Texts, row: &Row<'_>, names: &Names<'_>) -> String {
    let reasons = row.it.reasons.iter().map(|reason| {
        let (before, query, after) = around_query(&reason.text);
        let mut parts = vec![texts.text(reason.code.code()), texts.prose(before, names)];
        if let Some(query) = query {
            parts.extend([texts.text(query), texts.prose(after, names), texts.prose(&row.rest(), names)]);
        }
        array(parts)
    });
    array(reasons)
}

/// Sessions by day: the first day, in days since 1970, and the sessions of it and each following day with TLS, in plaintext
/// and other; `0` is only zeros. Empty without a session.
fn days(it: &Instance, window: Window) -> String {
    let days = it.connections.by_day.iter();
    let days: Vec<_> = days.filter_map(|day| Some((number(day.day, window)?, day))).collect();
    let numbers = || days.iter().map(|(number, _)| *number);
    let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else { return "[]".to_owned() };
    let by_day = |count: fn(&Day) -> u64| {
        let mut counts: BTreeMap<i64, u64> = (first..=last).map(|number| (number, 0)).collect();
        for (number, day) in &days {
            *counts.entry(*number).or_default() += count(day);
        }
        if counts.values().all(|count| *count == 0) { "0".to_owned() } else { array(counts.into_values()) }
    };
    let counts =
        [by_day(|day| day.sessions.tls), by_day(|day| day.sessions.plaintext), by_day(|day| day.sessions.other())];
    format!("[{first},{}]", counts.join(","))
}

/// A day of the window in days since 1970.
fn number(day: Date, window: Window) -> Option<i64> {
    let begin = |day: Date| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok();
    let span = Window { from: begin(day)?, to: begin(day.tomorrow().ok()?)? };
    span.overlap(&window).map(|_| span.from.as_second().div_euclid(24 * 60 * 60))
}

/// The gaps: seconds from the begin of the window, length in seconds, and cause of each.
fn gaps(texts: &mut Texts, it: &Instance, window: Window) -> String {
    let gaps = it.coverage.gaps.iter().flat_map(|gap| {
        let [begin, from, to] = [window.from, gap.span.from, gap.span.to].map(Timestamp::as_second);
        let cause = texts.text(gap.cause.in_words());
        [(from - begin).to_string(), (to - from).to_string(), cause.to_string()]
    });
    array(gaps)
}

/// What is counted by name: the title, and each name with its count.
fn counts(texts: &mut Texts, row: &Row<'_>) -> String {
    let counts = row.counts().map(|(title, counts)| {
        let title = texts.text(title).to_string();
        let counted = counts.iter().flat_map(|(name, count)| [texts.text(name).to_string(), count.to_string()]);
        array([title].into_iter().chain(counted.collect::<Vec<_>>()))
    });
    array(counts.collect::<Vec<_>>())
}

/// A client: names, sessions, the minutes of the window in which it was first and last seen, and whether it is ignored.
fn client(texts: &mut Texts, client: &Client, window: Window) -> String {
    let names = [&client.user, &client.database, &client.address, &client.application];
    let names = names.map(|name| texts.text(name.as_deref().unwrap_or("-")).to_string());
    let sessions = [client.sessions.tls, client.sessions.plaintext, client.sessions.other()];
    let minute = |time: Timestamp| time.as_second().div_euclid(60);
    let seen = [client.first_seen, client.last_seen]
        .map(|time| time.map_or_else(|| "null".to_owned(), |time| (minute(time) - minute(window.from)).to_string()));
    let ignored = client.ignored.then(|| "1".to_owned());
    array(names.into_iter().chain(sessions.map(|count| count.to_string())).chain(seen).chain(ignored))
}

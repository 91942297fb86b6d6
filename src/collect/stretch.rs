//! The parts of a copied log between which lines are missing.

use jiff::Timestamp;
use ssl_usage_parsers::{Micros, RecordParser};

use crate::window::Window;

/// How long a server is silent, at most, before lines are taken for missing. In microseconds.
const SILENCE: Micros = 20 * 60 * 1_000_000;

/// Parts of a log without a gap, by the times of its lines.
#[derive(Default)]
pub(super) struct Stretches {
    longest: Option<Stretch>,
    current: Option<Stretch>,
    /// Whether the next piece begins within a line.
    within: bool,
}

/// The first and the last time of a part of a log, both of which are dates.
#[derive(Clone, Copy)]
struct Stretch {
    from: Micros,
    to: Micros,
}

impl Stretches {
    /// Adds the lines of a piece, of which the last one may be cut.
    pub fn add(&mut self, parser: &dyn RecordParser, piece: &[u8]) {
        let Some(last) = piece.last() else { return };
        let begin = if self.within { memchr::memchr(b'\n', piece).map_or(piece.len(), |end| end + 1) } else { 0 };
        self.within = *last != b'\n';
        self.add_lines(parser, piece.get(begin..).unwrap_or_default());
    }

    /// Adds lines. In a log in order, there is no gap between two times that are near each other, so the lines between the first
    /// and the last one are looked at only where these two are not near. In a log out of order, a part is a chain of times that are
    /// near each other, all the same. Within quotes, clients write whole lines, of any time: there all are looked at.
    fn add_lines(&mut self, parser: &dyn RecordParser, lines: &[u8]) {
        let dates = Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond();
        let time = |line: &[u8]| {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            parser.time(line).map(|time| time.at).filter(|at| dates.contains(at))
        };
        let is_end = |byte: &u8| *byte == b'\n';
        let mut begin = 0;
        let first = lines.split_inclusive(is_end).find_map(|line| {
            begin += line.len();
            time(line)
        });
        let Some(first) = first else { return };
        self.add_time(first);
        let rest = lines.get(begin..).unwrap_or_default();
        let mut end = rest.len();
        let last = rest.split_inclusive(is_end).rev().find_map(|line| {
            end -= line.len();
            time(line)
        });
        let Some(last) = last else { return };
        if parser.quotes_lines() || !(0..=SILENCE).contains(&(last - first)) {
            let between = rest.get(..end).unwrap_or_default();
            let middle = between.len() / 2;
            let half = between.get(middle..).and_then(|half| memchr::memchr(b'\n', half));
            let (earlier, later) = between.split_at(half.map_or(between.len(), |at| middle + at + 1));
            self.add_lines(parser, earlier);
            self.add_lines(parser, later);
        }
        self.add_time(last);
    }

    fn add_time(&mut self, at: Micros) {
        match &mut self.current {
            Some(current) if at - current.to <= SILENCE => current.to = current.to.max(at),
            current => {
                let ended = current.replace(Stretch { from: at, to: at });
                self.end(ended);
            }
        }
    }

    fn end(&mut self, stretch: Option<Stretch>) {
        let length = |stretch: Option<Stretch>| stretch.map(|stretch| stretch.to - stretch.from);
        if length(stretch) > length(self.longest) {
            self.longest = stretch;
        }
    }

    /// The longest part, if a line has a time.
    pub fn longest(mut self) -> Option<Window> {
        let last = self.current.take();
        self.end(last);
        let Stretch { from, to } = self.longest?;
        let date = |at| Timestamp::from_microsecond(at).ok();
        Some(Window { from: date(from)?, to: date(to)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ssl_usage_parsers::{Engine, Hints};

    use super::*;
    use crate::scan::recognise;

    const MINUTE: Micros = 60 * 1_000_000;

    fn parser() -> Box<dyn RecordParser> {
        let hints = Hints { engine: Engine::named("postgres"), ..Hints::default() };
        recognise("log", line(0).as_bytes(), &hints).expect("a log of PostgreSQL")
    }

    const BEGIN: Micros = 1_795_392_000_000_000;

    fn minute_of(at: Timestamp) -> Micros {
        (at.as_microsecond() - BEGIN) / MINUTE
    }

    /// A line with the time of a minute.
    fn line(minute: Micros) -> String {
        let at = Timestamp::from_microsecond(BEGIN + minute * MINUTE).expect("in range");
        format!("{}:10.0.0.1(4000):app@orders:[7]:LOG:  duration: 1.2 ms\n", at.strftime("%Y-%m-%d %H:%M:%S UTC"))
    }

    /// The longest part of some times in order, in minutes.
    fn longest(minutes: &[Micros]) -> Option<Micros> {
        let silence = SILENCE / MINUTE;
        minutes.chunk_by(|one, next| next - one <= silence).filter_map(|part| Some(part.last()? - part.first()?)).max()
    }

    proptest! {
        /// Lines some minutes apart, some with lines without a time behind them, in pieces of whole lines.
        #[test]
        fn a_part_ends_where_lines_are_far_apart(
            lines in prop::collection::vec((prop_oneof![0i64..3, 18i64..23, 100i64..200], 0usize..3), 1..60),
            pieces in 1usize..9,
        ) {
            let parser = parser();
            let (mut minutes, mut texts) = (Vec::new(), Vec::new());
            for (apart, untimed) in &lines {
                let minute = minutes.last().copied().unwrap_or(0) + apart;
                minutes.push(minute);
                texts.push(line(minute) + &"\tSELECT 1\n".repeat(*untimed));
            }
            let mut stretches = Stretches::default();
            texts.chunks(pieces).for_each(|piece| stretches.add(parser.as_ref(), piece.concat().as_bytes()));
            let shown = stretches.longest().map(|shown| shown.length().as_secs() / 60);
            prop_assert_eq!(shown, longest(&minutes));
        }
    }

    proptest! {
        /// Lines in any order, in pieces that cut them anywhere.
        #[test]
        fn each_time_of_a_part_is_near_the_next_one(
            minutes in prop::collection::vec(0i64..400, 1..60),
            piece in 1usize..3000,
        ) {
            let parser = parser();
            let text: String = minutes.iter().map(|minute| line(*minute)).collect();
            let mut stretches = Stretches::default();
            text.as_bytes().chunks(piece).for_each(|piece| stretches.add(parser.as_ref(), piece));
            if let Some(shown) = stretches.longest() {
                let (from, to) = (minute_of(shown.from), minute_of(shown.to));
                let within: std::collections::BTreeSet<_> =
                    minutes.iter().copied().filter(|minute| (from..=to).contains(minute)).collect();
                prop_assert!(within.contains(&from) && within.contains(&to));
                let within: Vec<_> = within.into_iter().collect();
                prop_assert_eq!(longest(&within), Some(to - from));
            }
        }
    }

    /// A record of a csv log with the time of a minute.
    fn csv(minute: Micros, message: &str) -> String {
        let at = Timestamp::from_microsecond(BEGIN + minute * MINUTE).expect("in range");
        let at = at.strftime("%Y-%m-%d %H:%M:%S.000 UTC");
        format!(
            "{at},\"app\",\"orders\",7,\"10.0.0.1:4000\",5f2a.7,1,\"SELECT\",2026-11-23 00:00:00 UTC,3/4,0,LOG,00000,\
             \"{message}\",,,,,,,,,\"x\",\"client backend\",,0\n"
        )
    }

    #[test]
    fn lines_that_a_client_writes_behind_a_gap_do_not_fill_it() {
        let hints = Hints { engine: Engine::named("postgres"), ..Hints::default() };
        let parser = recognise("log", csv(0, "ready").as_bytes(), &hints).expect("a csv log");
        // Of a client: columns that may be empty are, and the quotes of the message are doubled.
        let invented = |minute| {
            let time = csv(minute, "");
            let (time, _) = time.split_once(',').expect("columns");
            format!("{time},,,7,,5f2a.7,1,,2026-11-23 00:00:00 UTC,,0,LOG,00000,\"\"x\"\"\n")
        };
        let invented: Vec<String> = (1..20).map(|part| invented(part * 15)).collect();
        let statement = csv(300, &format!("\n{}", invented.concat()));
        let text = [csv(0, "x"), csv(10, "x"), statement].concat();
        assert!(invented.iter().all(|line| parser.time(line.trim_end().as_bytes()).is_some()), "{invented:?}");
        // The first piece ends behind the first invented line.
        let second = text.match_indices('\n').nth(3).map_or(0, |(at, _)| at + 1);
        let (begin, rest) = text.split_at(second);
        let mut stretches = Stretches::default();
        [begin, rest].into_iter().for_each(|piece| stretches.add(parser.as_ref(), piece.as_bytes()));
        let shown = stretches.longest().map(|shown| (minute_of(shown.from), minute_of(shown.to)));
        assert_eq!(shown, Some((0, 10)));
    }

    #[test]
    fn the_rest_of_a_line_that_was_cut_is_no_line() {
        let (parser, mut stretches) = (parser(), Stretches::default());
        let whole = [line(0), line(600)].concat();
        // Behind the cut the line has the form of another one.
        let text = whole.replace("duration: 1.2 ms\n2026", "duration: 2026");
        let (begin, rest) = text.split_at(text.rfind("2026").expect("a time"));
        [begin, rest, &line(10)].into_iter().for_each(|piece| stretches.add(parser.as_ref(), piece.as_bytes()));
        assert_eq!(stretches.longest().map(|shown| shown.length().as_secs()), Some(600));
    }
}

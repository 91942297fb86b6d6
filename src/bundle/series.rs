//! The values of one metric, in little memory: a fleet has many millions of them.

/// Values by the start of their hour, in seconds since 1970 (UTC). An hour that is not there is unknown; not zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series(Vec<(i64, f64)>);

impl Series {
    /// Adds a value. Where there is one already the higher counts.
    pub fn add(&mut self, hour: i64, value: f64) {
        if self.0.last().is_none_or(|(last, _)| *last < hour) {
            return self.0.push((hour, value));
        }
        match self.0.binary_search_by_key(&hour, |(hour, _)| *hour) {
            Ok(at) => self.0.get_mut(at).into_iter().for_each(|(_, known)| *known = known.max(value)),
            Err(at) => self.0.insert(at, (hour, value)),
        }
    }

    /// Adds all values of another.
    pub fn join(&mut self, other: &Self) {
        let Some((first, _)) = other.0.first() else { return };
        // Collections follow each other, and share few hours.
        let mut known = self.0.split_off(self.0.partition_point(|(hour, _)| hour < first)).into_iter().peekable();
        for (hour, value) in &other.0 {
            while let Some(earlier) = known.next_if(|(known, _)| known < hour) {
                self.0.push(earlier);
            }
            let same = known.next_if(|(known, _)| known == hour).map_or(*value, |(_, known)| known.max(*value));
            self.0.push((*hour, same));
        }
        self.0.extend(known);
    }

    /// The hours and their values, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, f64)> + '_ {
        self.0.iter().copied()
    }

    /// The same from an hour on.
    pub fn since(&self, hour: i64) -> impl Iterator<Item = (i64, f64)> + '_ {
        self.0.iter().skip(self.0.partition_point(|(known, _)| *known < hour)).copied()
    }

    /// The value of an hour; none where it is unknown.
    pub fn get(&self, hour: i64) -> Option<f64> {
        let at = self.0.binary_search_by_key(&hour, |(hour, _)| *hour).ok()?;
        self.0.get(at).map(|(_, value)| *value)
    }

    /// How many hours are known.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no hour is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(i64, f64)> for Series {
    /// Values in any order. Where an hour has several the highest counts.
    fn from_iter<I: IntoIterator<Item = (i64, f64)>>(values: I) -> Self {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by_key(|(hour, _)| *hour);
        values.dedup_by(|(hour, value), (kept, highest)| {
            *highest = if hour == kept { highest.max(*value) } else { *highest };
            hour == kept
        });
        Self(values)
    }
}

//! Shards: the logs that one of several processes reads.
//!
//! A shard has whole logs. What a log is assigned to depends on its instance and its name alone, so that a process that is run again
//! reads the same, wherever it runs.

use std::str::FromStr;

use sha2::{Digest, Sha256};

/// One of several shards, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// The only one.
    pub const ALL: Self = Self { index: 0, count: 1 };

    /// Whether it has the log of an instance.
    pub fn holds(self, arn: &str, log: &str) -> bool {
        let hash = Sha256::new().chain_update(arn).chain_update([0]).chain_update(log).finalize();
        let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        number % self.count == self.index
    }
}

/// `I/N`, with I from 0 to N - 1.
impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            Some((index, count)) if count > 0 => Err(format!(
                "shards are counted from 0, so {count} shards end with {}/{count}, not {index}/{count}",
                count - 1
            )),
            _ => Err("a shard is INDEX/COUNT, for example 0/8".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_log_is_in_one_shard(arn in ".*", log in ".*", count in 1_u64..100) {
            let of = (0..count).filter(|index| Shard { index: *index, count }.holds(&arn, &log)).count();
            prop_assert_eq!(of, 1);
        }
    }

    #[test]
    fn shards_are_counted_from_0() {
        assert_eq!("0/1".parse(), Ok(Shard::ALL));
        assert!("7/8".parse::<Shard>().is_ok());
        for wrong in ["8/8", "0/0", "1", "-1/8", "1/x", "", "/"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}

//! What the library's choices are called on the command line.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::collect::Source;
use crate::report::{Group, Rows, Sort};

macro_rules! choices {
    ($type:ident: $($variant:ident = $name:literal, $help:literal;)+) => {
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant),+]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(match self { $(Self::$variant => PossibleValue::new($name).help($help),)+ })
            }
        }
    };
}

choices! { Rows:
    Instances = "instances", "A row an instance";
    Clients = "clients", "A row a client of an instance; an instance whose clients were not seen has none";
}

choices! { Sort:
    Urgency = "urgency", "The most urgent first";
    Instance = "instance", "By name";
    Account = "account", "By account and region";
    Region = "region", "By region";
    Engine = "engine", "By engine and version";
    Days = "days", "By the date by which a rotation must have happened";
    Seen = "seen", "What the logs show least of first";
}

choices! { Group:
    Account = "account", "Account";
    Region = "region", "Region";
    Engine = "engine", "Engine";
    Cluster = "cluster", "Cluster";
}

choices! { Source:
    Auto = "auto", "From RDS's files, and from CloudWatch Logs what those do not show";
    Rds = "rds", "From RDS's files alone";
    Cloudwatch = "cloudwatch", "From CloudWatch Logs alone";
}

//! What the library's choices are called on the command line.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::clients::By;
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
    Instances = "instances", "One row per instance";
    Clients = "clients", "One row per client; instances without known clients have no row";
}

choices! { Sort:
    Urgency = "urgency", "Most urgent first";
    Instance = "instance", "By name";
    Account = "account", "By account and region";
    Region = "region", "By region";
    Engine = "engine", "By engine and version";
    Days = "days", "By the date by which to rotate";
    Seen = "seen", "By log coverage, lowest first";
}

choices! { Group:
    Account = "account", "Account";
    Region = "region", "Region";
    Engine = "engine", "Engine";
    Cluster = "cluster", "Cluster";
}

choices! { By:
    Address = "address", "One row per address (default of csv and json)";
    Application = "application", "One row per user, database and application (default of table)";
    User = "user", "One row per user";
    Owner = "owner", "One row per owner of addresses";
}

choices! { Source:
    Auto = "auto", "RDS log files first, then CloudWatch Logs for the gaps";
    Rds = "rds", "RDS log files only";
    Cloudwatch = "cloudwatch", "CloudWatch Logs only";
}

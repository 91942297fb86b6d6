//! Documented rate limits of AWS, where the limiters start.
//!
//! Source: "CloudWatch Logs quotas" in the CloudWatch Logs user guide and "CloudWatch service quotas" in the CloudWatch user
//! guide. The RDS API documents none.

/// An action's rate in calls a second and account: where a region is not named, and where it is.
struct Quota {
    action: &'static str,
    rate: f64,
    regions: &'static [(&'static str, f64)],
}

const QUOTAS: &[Quota] = &[
    Quota {
        action: "FilterLogEvents",
        rate: 10.0,
        regions: &[
            ("us-east-1", 25.0),
            ("eu-central-1", 5.0),
            ("ca-west-1", 5.0),
            ("il-central-1", 5.0),
            ("ap-northeast-3", 5.0),
            ("ap-southeast-3", 5.0),
        ],
    },
    Quota {
        action: "GetLogEvents",
        rate: 25.0,
        regions: &[("us-west-2", 10.0), ("eu-west-1", 10.0), ("eu-central-1", 10.0), ("eu-west-3", 30.0)],
    },
    Quota { action: "DescribeLogStreams", rate: 25.0, regions: &[] },
    Quota { action: "DescribeLogGroups", rate: 10.0, regions: &[] },
    Quota { action: "StartQuery", rate: 10.0, regions: &[] },
    Quota { action: "GetQueryResults", rate: 10.0, regions: &[] },
    Quota { action: "GetMetricData", rate: 50.0, regions: &[] },
];

/// The documented rate of an action in a region, in calls a second.
pub(super) fn of(action: &str, region: &str) -> Option<f64> {
    let quota = QUOTAS.iter().find(|quota| quota.action == action)?;
    let own = quota.regions.iter().find(|(name, _)| *name == region);
    Some(own.map_or(quota.rate, |(_, rate)| *rate))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_region_has_its_own_rate_or_that_of_all() {
        let rates = ["us-east-1", "eu-central-1", "sa-east-1"].map(|region| of("FilterLogEvents", region));
        assert_eq!(rates, [Some(25.0), Some(5.0), Some(10.0)]);
        assert_eq!(of("DescribeDBInstances", "us-east-1"), None, "what is not documented is found out");
    }
}

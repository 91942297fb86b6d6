//! Parameters as they are in effect.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{ApplyMethod, Parameter as ApiParameter};
use ssl_usage_parsers::Engine;

use super::profile::{Level, Parameter};

/// Parameters that say more of a log than whether it is written; reported, never decisive.
const ABOUT_LOGS: &[&str] =
    &["log_destination", "log_disconnections", "log_line_prefix", "log_timezone", "lc_messages"];

/// The names of the parameters that bear on TLS or on its evidence.
pub(super) fn names(engine: &Engine) -> Vec<&'static str> {
    let switches = engine.tls_switches.iter().map(|switch| switch.parameter);
    let logging = engine.log_switches.iter().map(|switch| switch.parameter);
    let logs = [engine.logs.rotation.0, engine.logs.retention.0];
    switches.chain(logging).chain(logs).chain(ABOUT_LOGS.iter().copied()).collect()
}

/// Adds the parameters of a group that are in `names`. `status` is how the instance applies the group: `in-sync`,
/// `pending-reboot`, `applying`, ...
///
/// Where both groups of an Aurora instance set a parameter, the instance's goes before the cluster's if somebody set it
/// there ("Aurora parameter groups" in the Aurora user guide).
pub(super) fn apply(
    into: &mut BTreeMap<String, Parameter>,
    names: &[&str],
    group: (&str, Option<&str>),
    level: Level,
    parameters: &[ApiParameter],
) {
    for parameter in parameters {
        let Some(name) = parameter.parameter_name().filter(|name| names.contains(name)) else { continue };
        let set_here = parameter.source() == Some("user");
        if into.contains_key(name) && !set_here {
            continue;
        }
        let is_static = parameter.apply_type() == Some("static");
        // Between a change and the restart that it waits for, only what needs no restart is as the group says.
        let immediate = !is_static && parameter.apply_method() == Some(&ApplyMethod::Immediate);
        let in_effect = match group.1 {
            Some("in-sync") => true,
            Some("pending-reboot") => immediate,
            _ => false,
        };
        let value = parameter.parameter_value().map(str::to_owned);
        let group = group.0.to_owned();
        into.insert(name.to_owned(), Parameter { value, is_static, level, in_effect, group });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(value: &str, apply_type: &str, source: &str) -> ApiParameter {
        ApiParameter::builder()
            .parameter_name("rds.force_ssl")
            .parameter_value(value)
            .apply_type(apply_type)
            .apply_method(if apply_type == "static" { ApplyMethod::PendingReboot } else { ApplyMethod::Immediate })
            .source(source)
            .build()
    }

    fn in_effect(status: Option<&str>, apply_type: &str) -> bool {
        let mut into = BTreeMap::new();
        apply(&mut into, &["rds.force_ssl"], ("group", status), Level::Instance, &[parameter("1", apply_type, "user")]);
        into["rds.force_ssl"].in_effect
    }

    #[test]
    fn a_value_that_waits_for_a_restart_is_not_in_effect() {
        assert!(in_effect(Some("in-sync"), "static"));
        assert!(in_effect(Some("pending-reboot"), "dynamic"));
        assert!(!in_effect(Some("pending-reboot"), "static"));
        assert!(!in_effect(Some("applying"), "dynamic"));
        assert!(!in_effect(None, "dynamic"));
    }

    #[test]
    fn what_somebody_set_for_the_instance_goes_before_the_cluster() {
        let mut into = BTreeMap::new();
        let names = ["rds.force_ssl"];
        let group = ("group", Some("in-sync"));
        apply(&mut into, &names, group, Level::Cluster, &[parameter("1", "dynamic", "user")]);
        apply(&mut into, &names, group, Level::Instance, &[parameter("0", "dynamic", "engine-default")]);
        assert_eq!(into["rds.force_ssl"].value.as_deref(), Some("1"));
        apply(&mut into, &names, group, Level::Instance, &[parameter("0", "dynamic", "user")]);
        assert_eq!(into["rds.force_ssl"].value.as_deref(), Some("0"));
    }
}

//! Parameters, and whether they are in effect.

use std::collections::BTreeMap;

use aws_sdk_rds::types::{OptionGroup, Parameter as ApiParameter};
use ssl_usage_parsers::{Engine, OPTION, TlsStart};

use super::profile::{BABELFISH, Level, Parameter};
use crate::error::{Error, ErrorKind, Result, TRY_AGAIN};

/// Parameters that say more of a log than whether it is written, and Babelfish.
const BESIDE: &[&str] =
    &["log_destination", "log_disconnections", "log_line_prefix", "log_timezone", "lc_messages", BABELFISH];

/// The names of the parameters and options that bear on TLS or on its evidence.
pub(super) fn names(engine: &Engine) -> Vec<&'static str> {
    let switches =
        engine.tls_switches.iter().flat_map(|switch| switch.unless.iter().copied().chain([switch.parameter]));
    let logging = engine.logs.iter().flat_map(|logs| logs.switches).map(|switch| switch.parameter);
    let logs = engine.logs.iter().flat_map(|logs| [logs.rotation.parameter, logs.retention.parameter]).flatten();
    let port = match engine.tls_start {
        Some(TlsStart::Direct { port }) => port,
        _ => None,
    };
    switches.chain(logging).chain(logs).chain(port).chain(BESIDE.iter().copied()).collect()
}

/// Adds the parameters of a group that are in `names`. `status` is how the instance applies the group: `in-sync`,
/// `pending-reboot`, `applying`, ...
///
/// Where both groups of an Aurora instance set a parameter, the instance's overrides the cluster's if it was set explicitly
/// there ("Aurora parameter groups" in the Aurora user guide).
pub(super) fn apply(
    into: &mut BTreeMap<String, Parameter>,
    names: &[&str],
    group: (&str, Option<&str>),
    level: Level,
    parameters: &[ApiParameter],
) {
    for parameter in parameters {
        // Db2 writes its names in capitals here and in small letters there.
        let is = |name: &&&str| parameter.parameter_name().is_some_and(|given| given.eq_ignore_ascii_case(name));
        let Some(name) = names.iter().find(is).copied() else { continue };
        let set_here = parameter.source() == Some("user");
        if into.contains_key(name) && !set_here {
            continue;
        }
        let is_static = parameter.apply_type() == Some("static");
        // `pending-reboot` is a group that was attached and applies nothing yet, or one that applies all but a static
        // parameter: the API does not tell which.
        let in_effect = group.1 == Some("in-sync");
        let value = parameter.parameter_value().map(str::to_owned);
        let group = group.0.to_owned();
        into.insert(name.to_owned(), Parameter { value, is_static, level, in_effect, group });
    }
}

/// Keeps explicitly set parameters. The cluster's group decides the rest, which is unknown where that group is.
pub(super) fn keep_set(parameters: &mut Vec<ApiParameter>) {
    parameters.retain(|parameter| parameter.source() == Some("user"));
}

/// The options of the group of this name, and their settings, in the shape of parameters: see [`OPTION`].
///
/// # Errors
///
/// When the group is not among those that were answered: it is then not known what options it has.
pub(super) fn of_options(name: &str, groups: &[OptionGroup]) -> Result<Vec<ApiParameter>> {
    let Some(group) = groups.iter().find(|group| group.option_group_name() == Some(name)) else {
        let message = "rds:DescribeOptionGroups failed: the response does not contain this option group";
        return Err(Error::new(ErrorKind::NotFound, name, message).hint(TRY_AGAIN));
    };
    let named = |name: String, value: &str| ApiParameter::builder().parameter_name(name).parameter_value(value).build();
    let mut parameters = Vec::new();
    for option in group.options() {
        let Some(name) = option.option_name() else { continue };
        parameters.push(named(format!("{OPTION}{name}"), "on"));
        parameters.extend(option.port().map(|port| named(format!("{OPTION}{name} port"), &port.to_string())));
        for setting in option.option_settings() {
            if let (Some(key), Some(value)) = (setting.name(), setting.value()) {
                parameters.push(named(format!("{OPTION}{name} {key}"), value));
            }
        }
    }
    Ok(parameters)
}

/// Options that the group does not have are off.
pub(super) fn absent_options(into: &mut BTreeMap<String, Parameter>, names: &[&str], group: (&str, Option<&str>)) {
    let is_option = |name: &&&str| name.strip_prefix(OPTION).is_some_and(|option| !option.contains(' '));
    for name in names.iter().filter(is_option) {
        into.entry((*name).to_owned()).or_insert_with(|| Parameter {
            value: Some("off".to_owned()),
            is_static: false,
            level: Level::Option,
            in_effect: group.1 == Some("in-sync"),
            group: group.0.to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::ApplyMethod;

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
        assert!(!in_effect(Some("pending-reboot"), "dynamic"), "the group may be new");
        assert!(!in_effect(Some("pending-reboot"), "static"));
        assert!(!in_effect(Some("applying"), "dynamic"));
        assert!(!in_effect(None, "dynamic"));
    }

    #[test]
    fn a_default_of_the_instances_group_is_no_answer_for_the_cluster() {
        let mut found = vec![parameter("0", "dynamic", "engine-default"), parameter("1", "dynamic", "user")];
        keep_set(&mut found);
        assert_eq!(found, [parameter("1", "dynamic", "user")]);
    }

    #[test]
    fn an_option_group_that_was_not_answered_is_unknown_and_not_empty() {
        let group = |name: &str| OptionGroup::builder().option_group_name(name).build();
        assert!(of_options("ours", &[]).is_err() && of_options("ours", &[group("theirs")]).is_err());
        assert_eq!(of_options("ours", &[group("ours")]).expect("it is there"), []);
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

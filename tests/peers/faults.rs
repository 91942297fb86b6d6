//! Trouble on the way to moto, made by microburst in the form in which AWS makes it: the same fleet and the same
//! verdicts as without it, or an error that names the call; never fewer instances, and never a milder verdict.
//!
//! Each case has a region of its own, with the same six instances, so that all can run at once.

use serde_json::{Value, json};

use super::inventory::denials;
use super::{Server, analyze, failed, instances};
use crate::command::Run;

struct Case {
    region: &'static str,
    action: &'static str,
    trouble: Value,
    /// How often it happens; none: always.
    times: Option<usize>,
    expected: Expected,
}

#[derive(PartialEq)]
enum Expected {
    /// As if nothing had happened.
    Nothing,
    /// The call is an error of this code, and the report has no instance.
    NoFleet(&'static str),
    /// The call is an error of this code, and the setting that made the verdicts mild is not believed.
    NoSettings(&'static str),
}

use Expected::{NoFleet, NoSettings, Nothing};

fn cases() -> Vec<Case> {
    const INSTANCES: &str = "DescribeDBInstances";
    const PARAMETERS: &str = "DescribeDBParameters";
    let case = |region, action, trouble, times, expected| Case { region, action, trouble, times, expected };
    let error = |code: &str, status: u16| json!({"error": {"code": code, "status": status}});
    let cut = json!({"response": {"truncate_frac": 0.5}});
    vec![
        case("eu-west-1", INSTANCES, error("Throttling", 400), Some(3), Nothing),
        case("eu-west-2", PARAMETERS, error("RequestLimitExceeded", 503), Some(2), Nothing),
        case("eu-west-3", INSTANCES, error("InternalFailure", 500), Some(2), Nothing),
        case("eu-central-1", INSTANCES, error("ServiceUnavailable", 503), Some(1), Nothing),
        case("eu-north-1", PARAMETERS, json!({"reset": true}), Some(1), Nothing),
        case("us-east-1", INSTANCES, cut.clone(), Some(2), Nothing),
        case("us-east-2", INSTANCES, json!({"response": {"abort_frac": 0.5}}), Some(1), Nothing),
        case("us-west-1", INSTANCES, json!({"latency": 1500}), Some(1), Nothing),
        case("us-west-2", INSTANCES, cut.clone(), None, NoFleet("truncated")),
        case("ap-south-1", INSTANCES, error("ExpiredToken", 403), None, NoFleet("ExpiredToken")),
        case("sa-east-1", PARAMETERS, cut, None, NoSettings("truncated")),
    ]
}

impl Case {
    fn rule(&self) -> Value {
        let mut rule = json!({"service": "rds", "operation": self.action, "region": self.region, "times": self.times});
        let trouble = self.trouble.as_object().expect("an object").clone();
        rule.as_object_mut().expect("an object").extend(trouble);
        rule
    }

    fn check(&self, run: &Run, made: &Value, fired: &[Value]) {
        let shown = format!("{}: {}", self.rule(), run.err);
        let happened = fired.iter().filter(|fault| fault["region"] == self.region && fault["operation"] == self.action);
        match self.times {
            Some(times) => assert_eq!(happened.count(), times, "{shown}"),
            None => assert!(happened.count() > 0, "{shown}"),
        }
        let report = run.json();
        let all = made.as_array().expect("instances").iter().filter(|instance| instance["region"] == self.region);
        let all = Value::from_iter(all.cloned());
        let failure = format!("rds:{}", self.action);
        if let NoFleet(code) = self.expected {
            assert_eq!((run.status, report["instances"].as_array().map(Vec::len)), (1, Some(0)), "{shown}");
            return assert_error(&report, &failure, code, &shown);
        }
        assert_eq!(instances(&report["instances"]), instances(&all), "{shown}");
        let rotation = if self.expected == Nothing { "optional" } else { "required" };
        let instances = report["instances"].as_array().expect("instances");
        assert!(instances.iter().all(|instance| instance["rotation"] == rotation), "{shown}: {report:#}");
        match self.expected {
            NoSettings(code) => assert_error(&report, &failure, code, &shown),
            _ => assert!(!failed(&report).contains(&failure.as_str()), "{shown}"),
        }
    }
}

fn assert_error(report: &Value, call: &str, code: &str, shown: &str) {
    let errors = report["errors"].as_array().expect("errors");
    assert!(errors.iter().any(|error| error["call"] == call && error["code"] == code), "{shown}: {report:#}");
}

#[test]
fn trouble_on_the_way_to_moto_hides_nothing() {
    let Some(moto) = Server::moto() else { return };
    let made = moto.seed("regions");
    let proxy = Server::microburst(&moto).expect("moto is here, and so is this");
    let cases = cases();
    proxy.trouble(&cases.iter().map(Case::rule).chain(denials()).collect());
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let (proxy, moto) = (&proxy, &moto);
        let run =
            |case: &Case| analyze(&[("RDS", proxy), ("STS", moto), ("CLOUDWATCH", moto)], &["--region", case.region]);
        let started: Vec<_> = cases.iter().map(|case| scope.spawn(move || run(case))).collect();
        started.into_iter().map(|run| run.join().expect("a run")).collect()
    });
    let fired = proxy.fired();
    for (case, run) in cases.iter().zip(&runs) {
        case.check(run, &made, &fired);
    }
}

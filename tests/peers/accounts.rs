//! Accounts in moto, which keeps each one's instances from the others.

use serde_json::{Value, json};

use super::inventory::denials;
use super::{Server, analyze, failed, instances};

#[test]
fn each_account_of_moto_is_asked_with_its_own_role() {
    let Some(moto) = Server::moto() else { return };
    let made = moto.seed("accounts");
    let quick = Server::microburst(&moto).expect("moto is here, and so is this");
    quick.trouble(&Value::from(denials()));
    let services = [("RDS", &quick), ("STS", &quick), ("ORGANIZATIONS", &moto), ("CLOUDWATCH", &moto)];
    let numbers: Vec<&str> = made["numbers"].as_array().expect("numbers").iter().filter_map(Value::as_str).collect();
    let [shop, lab, _] = numbers[..] else { panic!("{numbers:?}") };
    let of = |prefixes: &[&str]| {
        let all = instances(&made["instances"]).into_iter();
        let is_of = |instance: &String| prefixes.iter().any(|prefix| instance.contains(&format!(" {prefix}-")));
        all.filter(is_of).collect::<Vec<_>>()
    };
    let report = |arguments: &[&str]| {
        let run = analyze(&services, arguments);
        assert_eq!(run.status, 3, "what moto lacks is an error: {}", run.err);
        run.json()
    };
    let found = |arguments: &[&str]| instances(&report(arguments)["instances"]);
    assert_eq!(of(&["own", "shop", "lab", "closed"]).len(), 11);
    assert_eq!(found(&[]), of(&["own"]));
    assert_eq!(found(&["--role-arn", &format!("arn:aws:iam::{shop}:role/auditor")]), of(&["shop"]));
    let both = format!("{lab},{shop}");
    assert_eq!(found(&["--role-name", "auditor", "--accounts", &both]), of(&["shop", "lab"]));
    let denied = json!({
        "service": "sts", "operation": "AssumeRole", "body": format!("contains(RoleArn, '{shop}')"),
        "error": {"code": "AccessDenied", "status": 403},
    });
    quick.trouble(&denials().into_iter().chain([denied]).collect());
    let one = report(&["--role-name", "auditor", "--accounts", &both]);
    assert_eq!(instances(&one["instances"]), of(&["lab"]));
    assert!(failed(&one).contains(&"sts:AssumeRole"), "the account that is missing is named: {one:#}");
    quick.trouble(&Value::from(denials()));
    // The closed account is not active: nobody can look into it.
    assert_eq!(found(&["--role-name", "auditor", "--organization"]), of(&["own", "shop", "lab"]));
}

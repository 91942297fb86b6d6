//! Accounts in moto, which keeps each one's instances from the others.

use serde_json::Value;

use super::inventory::denials;
use super::{Server, analyze, instances};

#[test]
fn each_account_of_moto_is_asked_with_its_own_role() {
    let Some(moto) = Server::moto() else { return };
    let made = moto.seed("accounts");
    let quick = Server::microburst(&moto).expect("moto is here, and so is this");
    quick.trouble(&Value::from(denials()));
    let services = [("RDS", &quick), ("STS", &moto), ("ORGANIZATIONS", &moto), ("CLOUDWATCH", &moto)];
    let numbers: Vec<&str> = made["numbers"].as_array().expect("numbers").iter().filter_map(Value::as_str).collect();
    let [shop, lab, _] = numbers[..] else { panic!("{numbers:?}") };
    let of = |prefixes: &[&str]| {
        let all = instances(&made["instances"]).into_iter();
        let is_of = |instance: &String| prefixes.iter().any(|prefix| instance.contains(&format!(" {prefix}-")));
        all.filter(is_of).collect::<Vec<_>>()
    };
    let found = |arguments: &[&str]| {
        let run = analyze(&services, arguments);
        assert_eq!(run.status, 3, "what moto lacks is an error: {}", run.err);
        instances(&run.json()["instances"])
    };
    assert_eq!(of(&["own", "shop", "lab", "closed"]).len(), 11);
    assert_eq!(found(&[]), of(&["own"]));
    assert_eq!(found(&["--role-arn", &format!("arn:aws:iam::{shop}:role/auditor")]), of(&["shop"]));
    let both = format!("{lab},{shop}");
    assert_eq!(found(&["--role-name", "auditor", "--accounts", &both]), of(&["shop", "lab"]));
    // The closed account is not active: nobody can look into it.
    assert_eq!(found(&["--role-name", "auditor", "--organization"]), of(&["own", "shop", "lab"]));
}

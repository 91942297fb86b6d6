//! Who asks, and where: the token service (Query protocol), the account's regions (REST), the organization's accounts
//! (JSON). API references: `AssumeRole`, `GetCallerIdentity`, `ListRegions`, `ListAccounts`.

use serde_json::{Value, json};

use super::fleet::Fleet;
use super::rds::ApiError;
use super::request::Call;
use super::xml::Xml;

/// How the keys begin that the token service gives out; the account's number follows.
const ASSUMED: &str = "ASIA";

/// The account that a call is made in, by the key that it is signed with.
pub fn account(call: &Call) -> Option<&str> {
    call.key.strip_prefix(ASSUMED)
}

/// Answers a call of the token service. `here` is the account of the caller; roles may be assumed in `others`.
pub fn token_service(here: &Fleet, others: &[Fleet], call: &Call) -> Result<Xml, ApiError> {
    let mut xml = Xml::default();
    match call.action.as_str() {
        "GetCallerIdentity" => {
            xml.text("Arn", format!("arn:aws:iam::{}:user/test", here.account));
            xml.text("Account", &here.account);
        }
        "AssumeRole" => {
            let role = call.required("RoleArn")?;
            let account = role.split(':').nth(4).unwrap_or_default();
            if !others.iter().any(|other| other.account == account) {
                let message = format!("User is not authorized to perform: sts:AssumeRole on resource: {role}");
                return Err(ApiError::sender(403, "AccessDenied", message));
            }
            xml.element("Credentials", |xml| {
                xml.text("AccessKeyId", format!("{ASSUMED}{account}"));
                xml.text("SecretAccessKey", "secret");
                xml.text("SessionToken", format!("token-of-{account}"));
                xml.text("Expiration", "2099-01-01T00:00:00Z");
            });
            xml.element("AssumedRoleUser", |xml| {
                xml.text("Arn", format!("arn:aws:sts::{account}:assumed-role/auditor/ssl-usage"));
                xml.text("AssumedRoleId", "AROATEST:ssl-usage");
            });
        }
        other => return Err(ApiError::sender(400, "InvalidAction", other)),
    }
    Ok(xml)
}

/// Answers a call about the account's regions.
pub fn regions(here: &Fleet, call: &Call) -> Result<Value, ApiError> {
    if call.action != "POST /listRegions" {
        return Err(ApiError::sender(404, "UnknownOperationException", call.action.as_str()));
    }
    let regions = here.regions();
    let regions: Vec<_> =
        regions.iter().map(|name| json!({"RegionName": name, "RegionOptStatus": "ENABLED"})).collect();
    Ok(json!({"Regions": regions}))
}

/// Answers a call about the organization, one account a page.
pub fn organization(here: &Fleet, others: &[Fleet], call: &Call) -> Result<Value, ApiError> {
    if call.action != "ListAccounts" {
        return Err(ApiError::sender(404, "UnknownOperationException", call.action.as_str()));
    }
    let numbers: Vec<&String> = [here].into_iter().chain(others).map(|fleet| &fleet.account).collect();
    let at: usize = call.parameter("NextToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let account = |number: &&String| json!({"Id": number, "State": "ACTIVE", "Status": "ACTIVE"});
    let page: Vec<_> = numbers.iter().skip(at).take(1).map(account).collect();
    let next = (at + 1 < numbers.len()).then(|| (at + 1).to_string());
    Ok(json!({"Accounts": page, "NextToken": next}))
}

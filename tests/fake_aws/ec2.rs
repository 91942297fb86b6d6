//! The EC2 API (EC2 Query protocol, version 2016-11-15): network interfaces alone. Source: botocore's model of EC2, with which
//! the tests of peers parse what this sends.

use super::fleet::{Fleet, NetworkInterface};
use super::rds::ApiError;
use super::request::Call;
use super::xml::Xml;

const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";
/// Interfaces that a page may be asked to hold.
const RECORDS: std::ops::RangeInclusive<i64> = 5..=1000;

/// Answers a call: the elements behind the request's identifier.
pub fn answer(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    match call.action.as_str() {
        "DescribeNetworkInterfaces" => network_interfaces(fleet, call),
        action => {
            let message = format!("The action {action} is not valid for this web service.");
            Err(ApiError::sender(400, "InvalidAction", message))
        }
    }
}

/// The whole answer to `action`: unlike RDS, without an element for the result.
pub fn response(result: Xml, action: &str, request_id: &str) -> String {
    let result = result.into_text();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response xmlns=\"{NAMESPACE}\">\
         <requestId>{request_id}</requestId>{result}</{action}Response>"
    )
}

/// The whole answer to a call that failed.
pub fn error(code: &str, message: &str, request_id: &str) -> String {
    let mut xml = Xml::default();
    xml.element("Errors", |xml| {
        xml.element("Error", |xml| {
            xml.text("Code", code);
            xml.text("Message", message);
        });
    });
    xml.text("RequestID", request_id);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>{}</Response>", xml.into_text())
}

fn network_interfaces(fleet: &Fleet, call: &Call) -> Result<Xml, ApiError> {
    if let Some(filter) = call.parameters.keys().find(|name| !["MaxResults", "NextToken"].contains(&name.as_str())) {
        // An answer that ignored the filter would prove the wrong thing.
        return Err(ApiError::value(format!("This fake knows no {filter}")));
    }
    let asked = call.number("MaxResults")?.filter(|asked| RECORDS.contains(asked));
    let asked = asked.ok_or_else(|| ApiError::value("MaxResults must be between 5 and 1000"))?;
    let most = fleet.page_records.unwrap_or(usize::MAX).min(usize::try_from(asked).unwrap_or(0));
    let start = match call.parameter("NextToken") {
        None => 0,
        Some(token) => match token.strip_prefix("after ").and_then(|count| count.parse().ok()) {
            Some(count) => count,
            None => return Err(ApiError::sender(400, "InvalidParameterValue", "Unable to parse pagination token")),
        },
    };
    let is_here = |one: &&NetworkInterface| one.region.as_deref().unwrap_or(&fleet.region) == call.region;
    let all: Vec<_> = fleet.network_interfaces.iter().filter(is_here).collect();
    let page: Vec<_> = all.iter().skip(start).take(most).collect();
    let mut xml = Xml::default();
    xml.list("networkInterfaceSet", "item", &page, |xml, one| interface(xml, &fleet.account, one));
    // With what a form must encode.
    xml.optional("nextToken", (start + most < all.len()).then(|| format!("after {}", start + most)));
    Ok(xml)
}

fn interface(xml: &mut Xml, account: &str, one: &NetworkInterface) {
    xml.text("networkInterfaceId", &one.id);
    xml.text("subnetId", "subnet-0f00ba4");
    xml.text("vpcId", &one.vpc);
    xml.text("availabilityZone", "eu-west-1a");
    xml.text("description", &one.description);
    xml.text("ownerId", account);
    xml.optional("requesterId", one.requester.as_ref());
    xml.text("requesterManaged", one.instance.is_none());
    xml.text("status", "in-use");
    xml.text("macAddress", "06:12:a0:4f:bd:82");
    xml.optional("privateIpAddress", one.addresses.first());
    xml.optional("privateDnsName", one.private_name.as_ref());
    xml.text("sourceDestCheck", true);
    xml.list("groupSet", "item", &["sg-0f00ba4"], |xml, group| {
        xml.text("groupId", group);
        xml.text("groupName", "default");
    });
    xml.element("attachment", |xml| {
        xml.text("attachmentId", "eni-attach-0f00ba4");
        xml.optional("instanceId", one.instance.as_ref());
        let owner = if one.instance.is_some() { account } else { "amazon-aws" };
        xml.text("instanceOwnerId", owner);
        xml.text("deviceIndex", 0);
        xml.text("status", "attached");
        xml.optional("attachTime", one.attached_at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S.000Z")));
        xml.text("deleteOnTermination", true);
    });
    if let Some(public) = &one.public {
        xml.element("association", |xml| {
            xml.text("publicIp", public);
            xml.text("publicDnsName", "");
            xml.text("ipOwnerId", "amazon");
        });
    }
    let tags: Vec<_> = one.tags.iter().collect();
    xml.list("tagSet", "item", &tags, |xml, (key, value)| {
        xml.text("key", key);
        xml.text("value", value);
    });
    let (wide, narrow): (Vec<_>, Vec<_>) = one.addresses.iter().partition(|address| address.contains(':'));
    xml.list("privateIpAddressesSet", "item", &narrow, |xml, address| {
        xml.text("privateIpAddress", address);
        xml.text("primary", one.addresses.first() == Some(*address));
    });
    xml.list("ipv6AddressesSet", "item", &wide, |xml, address| xml.text("ipv6Address", address));
    xml.list("ipv4PrefixSet", "item", &one.prefixes, |xml, prefix| xml.text("ipv4Prefix", prefix));
    xml.text("interfaceType", &one.interface_type);
}

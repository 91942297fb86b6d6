//! Network interfaces: whose address a client has.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::aws::{Aws, list};
use crate::error::Result;

/// The call, as IAM names it. Source: Service Authorization Reference, "Actions defined by Amazon EC2".
pub const ACTION: &str = "ec2:DescribeNetworkInterfaces";
/// Most interfaces of a page. Source: `DescribeNetworkInterfaces` in the EC2 API reference, and botocore's model of it.
const PAGE: &str = "1000";
/// Longest text that is kept, in letters: EC2 allows 256 in a tag's value, and 255 in a description.
const TEXT: usize = 256;
/// Most tags that are kept. Source: "Tag restrictions" in the EC2 user guide.
const TAGS: usize = 50;

/// A network interface, as far as it shows who has its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkInterface {
    /// `NetworkInterfaceId`.
    pub id: String,
    /// `InterfaceType`: `interface`, `lambda`, `nat_gateway`, ...
    pub interface_type: String,
    /// What the service that created it says of it.
    pub description: String,
    /// `RequesterId`: who created it.
    pub requester: Option<String>,
    /// Whether an AWS service manages it.
    pub requester_managed: bool,
    /// The EC2 instance that it is attached to.
    pub instance: Option<String>,
    /// `InstanceOwnerId`: the account of that instance, or a service such as `amazon-rds`.
    pub instance_owner: Option<String>,
    /// When it was attached; none where EC2 does not say it.
    pub attached_at: Option<Timestamp>,
    /// Its subnet.
    pub subnet: Option<String>,
    /// Its VPC.
    pub vpc: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// An interface with all its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Described {
    interface: NetworkInterface,
    /// Private and public addresses and private names, in one spelling.
    addresses: BTreeSet<String>,
    /// Ranges that it has whole, as the nodes of Kubernetes have.
    prefixes: Vec<IpNet>,
}

/// A page of interfaces.
#[derive(Debug, Default)]
struct Page {
    interfaces: Option<Vec<Described>>,
    next: Option<String>,
}

/// Network interfaces, each with the addresses of clients that it has.
pub type Owners = Vec<(NetworkInterface, BTreeSet<String>)>;

/// An address or host name in the one spelling in which they are compared: IPv4 as such where it is mapped into IPv6.
pub fn address(text: &str) -> String {
    text.parse::<IpAddr>().map_or_else(|_| text.to_ascii_lowercase(), |address| address.to_canonical().to_string())
}

/// Asks a region for the network interfaces that have one of these addresses, which are in one spelling.
///
/// # Errors
///
/// When any page cannot be had.
pub async fn owners(aws: &Aws, addresses: &BTreeSet<String>) -> Result<Owners> {
    let ask = |token: Option<String>| async move {
        let next = token.as_deref().map(|token| ("NextToken", token));
        let parameters: Vec<_> = [("MaxResults", PAGE)].into_iter().chain(next).collect();
        aws.ec2.call("DescribeNetworkInterfaces", &parameters, page).await
    };
    let ranged: BTreeSet<IpAddr> = addresses.iter().filter_map(|text| text.parse().ok()).collect();
    let found = list(&aws.region, ACTION, ask, |answer: Option<Page>| {
        let Page { interfaces, next } = answer.unwrap_or_default();
        // Most belong to no client.
        (interfaces.map(|all| all.into_iter().map(|one| one.with(addresses, &ranged)).collect()), next)
    });
    let found: Owners = found.await?;
    Ok(found.into_iter().filter(|(_, addresses)| !addresses.is_empty()).collect())
}

impl Described {
    /// The interface with those of some addresses that it has; `ranged` are those that are no names.
    fn with(self, wanted: &BTreeSet<String>, ranged: &BTreeSet<IpAddr>) -> (NetworkInterface, BTreeSet<String>) {
        let mut found: BTreeSet<String> = self.addresses.intersection(wanted).cloned().collect();
        for prefix in &self.prefixes {
            found.extend(ranged.range(prefix.network()..=prefix.broadcast()).map(ToString::to_string));
        }
        (self.interface, found)
    }
}

/// Reads an answer. None where it is no answer to this call.
fn page(body: &[u8]) -> Option<Page> {
    let mut xml = Document::try_from(body).ok()?;
    let mut root =
        xml.root_element().ok().filter(|root| root.start_el().matches("DescribeNetworkInterfacesResponse"))?;
    let mut page = Page::default();
    while let Some(mut tag) = root.next_tag() {
        match name(&tag).as_str() {
            "networkInterfaceSet" => page.interfaces = Some(items(&mut tag, interface).ok()?),
            "nextToken" => page.next = Some(try_data(&mut tag).ok()?.into_owned()),
            _ => {}
        }
    }
    // A list may be missing; an interface without a name is none.
    let named = |one: &Described| !one.interface.id.is_empty();
    page.interfaces.iter().flatten().all(named).then_some(page)
}

type Read<T> = std::result::Result<T, XmlDecodeError>;

fn name(tag: &ScopedDecoder<'_, '_>) -> String {
    tag.start_el().local().to_owned()
}

/// The items of a list.
fn items<T>(list: &mut ScopedDecoder<'_, '_>, read: fn(&mut ScopedDecoder<'_, '_>) -> Read<T>) -> Read<Vec<T>> {
    let mut all = Vec::new();
    while let Some(mut item) = list.next_tag() {
        if name(&item) == "item" {
            all.push(read(&mut item)?);
        }
    }
    Ok(all)
}

/// A text of bounded length; none where it is empty.
fn text(tag: &mut ScopedDecoder<'_, '_>) -> Read<Option<String>> {
    let text: String = try_data(tag)?.chars().take(TEXT).collect();
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// An interface. Source: `NetworkInterface` in the EC2 API reference; the names are those of botocore's model.
fn interface(item: &mut ScopedDecoder<'_, '_>) -> Read<Described> {
    let mut read = Described::default();
    let it = &mut read.interface;
    while let Some(mut tag) = item.next_tag() {
        match name(&tag).as_str() {
            "networkInterfaceId" => it.id = text(&mut tag)?.unwrap_or_default(),
            "interfaceType" => it.interface_type = text(&mut tag)?.unwrap_or_default(),
            "description" => it.description = text(&mut tag)?.unwrap_or_default(),
            "requesterId" => it.requester = text(&mut tag)?,
            "requesterManaged" => it.requester_managed = text(&mut tag)?.is_some_and(|text| text == "true"),
            "subnetId" => it.subnet = text(&mut tag)?,
            "vpcId" => it.vpc = text(&mut tag)?,
            "attachment" => attachment(&mut tag, it)?,
            "association" => read.addresses.extend(association(&mut tag)?),
            "privateIpAddress" | "privateDnsName" | "ipv6Address" => {
                read.addresses.extend(text(&mut tag)?.as_deref().map(address));
            }
            "privateIpAddressesSet" | "ipv6AddressesSet" => {
                read.addresses.extend(items(&mut tag, addresses)?.into_iter().flatten());
            }
            "ipv4PrefixSet" | "ipv6PrefixSet" => read.prefixes.extend(items(&mut tag, prefix)?.into_iter().flatten()),
            "tagSet" => it.tags = items(&mut tag, label)?.into_iter().flatten().take(TAGS).collect(),
            _ => {}
        }
    }
    Ok(read)
}

fn attachment(of: &mut ScopedDecoder<'_, '_>, interface: &mut NetworkInterface) -> Read<()> {
    while let Some(mut tag) = of.next_tag() {
        match name(&tag).as_str() {
            "instanceId" => interface.instance = text(&mut tag)?,
            "instanceOwnerId" => interface.instance_owner = text(&mut tag)?,
            "attachTime" => interface.attached_at = text(&mut tag)?.and_then(|text| text.parse().ok()),
            _ => {}
        }
    }
    Ok(())
}

/// The public address of an association.
fn association(of: &mut ScopedDecoder<'_, '_>) -> Read<Option<String>> {
    let mut public = None;
    while let Some(mut tag) = of.next_tag() {
        if name(&tag) == "publicIp" {
            public = text(&mut tag)?.as_deref().map(address);
        }
    }
    Ok(public)
}

/// The addresses and the private name of one entry.
fn addresses(of: &mut ScopedDecoder<'_, '_>) -> Read<Vec<String>> {
    let mut all = Vec::new();
    while let Some(mut tag) = of.next_tag() {
        match name(&tag).as_str() {
            "association" => all.extend(association(&mut tag)?),
            "privateIpAddress" | "privateDnsName" | "ipv6Address" => {
                all.extend(text(&mut tag)?.as_deref().map(address));
            }
            _ => {}
        }
    }
    Ok(all)
}

fn prefix(of: &mut ScopedDecoder<'_, '_>) -> Read<Option<IpNet>> {
    let mut found = None;
    while let Some(mut tag) = of.next_tag() {
        if ["ipv4Prefix", "ipv6Prefix"].contains(&name(&tag).as_str()) {
            found = text(&mut tag)?.and_then(|text| text.parse().ok());
        }
    }
    Ok(found)
}

fn label(of: &mut ScopedDecoder<'_, '_>) -> Read<Option<(String, String)>> {
    let (mut key, mut value) = (None, None);
    while let Some(mut tag) = of.next_tag() {
        match name(&tag).as_str() {
            "key" => key = text(&mut tag)?,
            "value" => value = text(&mut tag)?,
            _ => {}
        }
    }
    Ok(key.map(|key| (key, value.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Written by hand from botocore's model of the API.
    const ANSWER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId>
<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>
<description>a &lt;node&gt;</description><ownerId>123456789012</ownerId><requesterManaged>false</requesterManaged>
<interfaceType>interface</interfaceType><privateIpAddress>10.0.0.5</privateIpAddress>
<privateDnsName>ip-10-0-0-5.eu-west-1.compute.internal</privateDnsName>
<groupSet><item><groupId>sg-1</groupId><groupName>default</groupName></item></groupSet>
<attachment><attachmentId>a</attachmentId><instanceId>i-1</instanceId><instanceOwnerId>123456789012</instanceOwnerId>
<attachTime>2026-11-01T00:00:00.000Z</attachTime></attachment>
<association><publicIp>192.0.2.7</publicIp></association>
<tagSet><item><key>Name</key><value>node</value></item><item><key>empty</key><value/></item></tagSet>
<privateIpAddressesSet><item><privateIpAddress>10.0.0.5</privateIpAddress><primary>true</primary></item>
<item><privateIpAddress>10.0.0.6</privateIpAddress><association><publicIp>192.0.2.8</publicIp></association></item>
</privateIpAddressesSet><ipv6AddressesSet><item><ipv6Address>2001:DB8:0::5</ipv6Address></item></ipv6AddressesSet>
<ipv4PrefixSet><item><ipv4Prefix>10.0.9.16/28</ipv4Prefix></item></ipv4PrefixSet>
</item></networkInterfaceSet><nextToken>more</nextToken></DescribeNetworkInterfacesResponse>"#;

    fn wanted(all: &[&str]) -> BTreeSet<String> {
        all.iter().map(|text| address(text)).collect()
    }

    #[test]
    fn an_interface_has_all_its_addresses_and_names() {
        let page = page(ANSWER.as_bytes()).expect("a page");
        let [one] = page.interfaces.as_deref().expect("a list") else { panic!("{page:?}") };
        let all = ["10.0.0.5", "10.0.0.6", "192.0.2.7", "::ffff:192.0.2.8", "2001:db8::5", "10.0.9.31"];
        let named = ["IP-10-0-0-5.eu-west-1.compute.internal"];
        let others = ["10.0.9.32", "10.0.0.7", "client.example"];
        let asked = wanted(&[&all[..], &named, &others].concat());
        let ranged = asked.iter().filter_map(|text| text.parse().ok()).collect();
        let (interface, found) = one.clone().with(&asked, &ranged);
        assert_eq!(found, wanted(&[&all[..], &named].concat()));
        let attached_at = Some("2026-11-01T00:00:00Z".parse().expect("a time"));
        let text = |text: &str| Some(text.to_owned());
        let tags = [("Name".to_owned(), "node".to_owned()), ("empty".to_owned(), String::new())].into();
        let expected = NetworkInterface {
            id: "eni-1".to_owned(),
            interface_type: "interface".to_owned(),
            description: "a <node>".to_owned(),
            requester: None,
            requester_managed: false,
            instance: text("i-1"),
            instance_owner: text("123456789012"),
            attached_at,
            subnet: text("subnet-1"),
            vpc: text("vpc-1"),
            tags,
        };
        assert_eq!((interface, page.next.as_deref()), (expected, Some("more")));
    }

    #[test]
    fn what_is_no_answer_is_none_and_a_missing_list_is_no_empty_one() {
        let empty = |inside: &str| {
            format!("<DescribeNetworkInterfacesResponse>{inside}</DescribeNetworkInterfacesResponse>").into_bytes()
        };
        let list = |inside: &str| page(&empty(inside)).and_then(|page| page.interfaces);
        assert_eq!(list("<networkInterfaceSet/>"), Some(Vec::new()));
        assert_eq!(list(""), None);
        let bad = [
            "<networkInterfaceSet><item/></networkInterfaceSet>",
            "<networkInterfaceSet><item><vpcId><a/></vpcId></item></networkInterfaceSet>",
        ];
        assert!(bad.iter().all(|bad| page(&empty(bad)).is_none()));
        assert!(["", "<html/>", "\u{0}", "<a>&#99999999;</a>"].iter().all(|other| page(other.as_bytes()).is_none()));
    }

    proptest! {
        #[test]
        fn damage_anywhere_is_read_or_refused(at in 0..ANSWER.len(), bytes in prop::collection::vec(any::<u8>(), 0..8), cut in any::<bool>()) {
            let mut answer = ANSWER.as_bytes().to_vec();
            if cut { answer.truncate(at) } else { answer.splice(at..(at + bytes.len()).min(ANSWER.len()), bytes); }
            let _ = page(&answer);
        }
    }
}

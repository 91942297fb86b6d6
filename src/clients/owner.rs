//! Owners of addresses: what kind of client a network interface belongs to, and its name.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use crate::bundle::{Evidence, RegionNetwork, Sighting};
use crate::inventory::network::address;
use crate::inventory::{InstanceId, NetworkInterface};
use crate::problem::Problem;

/// What has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An RDS proxy, which connects for its own clients.
    RdsProxy,
    /// A database of RDS or Aurora.
    RdsDatabase,
    /// Lambda functions.
    Lambda,
    /// A task of ECS.
    EcsTask,
    /// A pod of EKS.
    EksPod,
    /// A node of Kubernetes, or a pod on it.
    KubernetesNode,
    /// A NAT gateway.
    NatGateway,
    /// A load balancer.
    LoadBalancer,
    /// A VPC endpoint.
    VpcEndpoint,
    /// A transit gateway.
    TransitGateway,
    /// A job of Glue.
    Glue,
    /// A replication of DMS.
    Dms,
    /// A cluster of Redshift.
    Redshift,
    /// `QuickSight`.
    QuickSight,
    /// A cluster of EMR.
    Emr,
    /// A notebook or domain of `SageMaker`.
    SageMaker,
    /// An EC2 instance.
    Ec2Instance,
    /// Several interfaces have the address, in different VPCs.
    Ambiguous,
    /// An interface of which nothing more is known.
    NetworkInterface,
}

/// The owner of an address: the types are the JSON. Fields are added, never renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// What it is.
    pub kind: Kind,
    /// Its name, or that of its application.
    pub name: Option<String>,
    /// Its identifier, such as `i-0123456789abcdef0`; else that of the network interface.
    pub id: String,
    /// The network interface.
    pub interface: String,
    /// What AWS says of the interface.
    pub description: String,
    /// The tags of the interface.
    pub tags: BTreeMap<String, String>,
    /// When the interface was seen with the address, at the time nearest to the client's last session.
    pub seen_at: Timestamp,
    /// Whether other clients may use the same address.
    pub shared: bool,
}

/// How an interface is recognised.
enum Shape {
    /// Its description begins so.
    Description(&'static str),
    /// Its description holds this, as an ARN does in every partition.
    Within(&'static str),
    /// It has this type.
    Type(&'static str),
    /// It has this tag.
    Tag(&'static str),
    /// An EC2 instance of a customer has it.
    Attached,
}

/// A row of the table of kinds.
struct Row {
    shape: Shape,
    kind: Kind,
    /// The name in what follows in the description.
    name: fn(&str) -> Option<&str>,
}

const fn row(shape: Shape, kind: Kind, name: fn(&str) -> Option<&str>) -> Row {
    Row { shape, kind, name }
}

/// The kinds; the first row that matches counts.
///
/// Sources, by number: 1 `get_eni_resource_type` in `c7n/utils.py` of cloud-custodian; 2 interfaces of real accounts in public
/// repositories (Terraform exports, recorded answers); 3 `pkg/awsutils/awsutils.go` of amazon-vpc-cni-k8s; 4 "Security groups
/// for pods" in the EKS best practices guide; 5 `deleteLingeringENIs` of terraform-provider-aws; 6 `InterfaceType` in
/// botocore's model of EC2, where the API itself writes `nat_gateway` (2).
const KINDS: &[Row] = &[
    // 3: the nodes' additional interfaces, and the tag of all that the plugin creates.
    row(Shape::Description("aws-K8S-"), Kind::KubernetesNode, no_name),
    row(Shape::Tag("node.k8s.amazonaws.com/instance_id"), Kind::KubernetesNode, no_name),
    // 1 and 4.
    row(Shape::Description("aws-k8s-branch-eni"), Kind::EksPod, no_name),
    row(Shape::Description("aws-k8s-trunk-eni"), Kind::KubernetesNode, no_name),
    // What a customer's instance has is never more than that, whatever its description says.
    row(Shape::Attached, Kind::Ec2Instance, no_name),
    // 1; the name of the proxy follows (2).
    row(Shape::Description("Network interface for DBProxy "), Kind::RdsProxy, whole),
    // 1.
    row(Shape::Description("RDSNetworkInterface"), Kind::RdsDatabase, no_name),
    // 1 and 5: the name of the function, and a UUID.
    row(Shape::Description("AWS Lambda VPC ENI-"), Kind::Lambda, function),
    row(Shape::Description("AWS Lambda VPC ENI"), Kind::Lambda, no_name),
    row(Shape::Type("lambda"), Kind::Lambda, no_name),
    // 1: `arn:aws:ecs:REGION:ACCOUNT:attachment/UUID`.
    row(Shape::Within(":ecs:"), Kind::EcsTask, no_name),
    // 1 and 6.
    row(Shape::Description("Interface for NAT Gateway "), Kind::NatGateway, whole),
    row(Shape::Type("nat_gateway"), Kind::NatGateway, no_name),
    // 1: `ELB net/NAME/HASH`, of classic ones `ELB NAME`.
    row(Shape::Description("ELB app/"), Kind::LoadBalancer, first_part),
    row(Shape::Description("ELB net/"), Kind::LoadBalancer, first_part),
    row(Shape::Description("ELB gwy/"), Kind::LoadBalancer, first_part),
    row(Shape::Description("ELB "), Kind::LoadBalancer, whole),
    row(Shape::Type("network_load_balancer"), Kind::LoadBalancer, no_name),
    // 1 and 6.
    row(Shape::Description("VPC Endpoint Interface "), Kind::VpcEndpoint, whole),
    row(Shape::Type("vpc_endpoint"), Kind::VpcEndpoint, no_name),
    row(Shape::Description("Network Interface for Transit Gateway Attachment "), Kind::TransitGateway, whole),
    row(Shape::Type("transit_gateway"), Kind::TransitGateway, no_name),
    // 2: the role of the job.
    row(Shape::Description("Attached to Glue using role: "), Kind::Glue, last_part),
    // 1 and 5.
    row(Shape::Description("DMSNetworkInterface"), Kind::Dms, no_name),
    // 1.
    row(Shape::Description("RedshiftNetworkInterface"), Kind::Redshift, no_name),
    // 6.
    row(Shape::Type("quicksight"), Kind::QuickSight, no_name),
    // 1.
    row(Shape::Description("AWS ElasticMapReduce"), Kind::Emr, no_name),
    // 2.
    row(Shape::Within("SageMaker"), Kind::SageMaker, no_name),
];

/// Tags that name an application, the most specific first.
///
/// Sources: "Tagging Amazon ECS resources" (managed tags) in the ECS developer guide; "Tagging your Amazon EKS resources" in
/// the EKS user guide; amazon-vpc-cni-k8s as above; "Environment tags" in the Elastic Beanstalk developer guide; "Tags and
/// instances" in the EC2 Auto Scaling user guide; "Resource tags" in the CloudFormation user guide.
const NAMES: &[&str] = &[
    "aws:ecs:serviceName",
    "Name",
    "elasticbeanstalk:environment-name",
    "aws:autoscaling:groupName",
    "aws:eks:cluster-name",
    "eks:cluster-name",
    "cluster.k8s.amazonaws.com/name",
    "aws:ecs:clusterName",
    "aws:cloudformation:stack-name",
];
/// What a tag's key begins with whose rest is the name of a Kubernetes cluster.
const CLUSTER: &str = "kubernetes.io/cluster/";

fn no_name(_: &str) -> Option<&str> {
    None
}

fn whole(rest: &str) -> Option<&str> {
    Some(rest.trim()).filter(|name| !name.is_empty())
}

fn first_part(rest: &str) -> Option<&str> {
    rest.split('/').next().and_then(whole)
}

fn last_part(rest: &str) -> Option<&str> {
    rest.rsplit('/').next().and_then(whole)
}

/// The name of a function, without the UUID behind it.
fn function(rest: &str) -> Option<&str> {
    const UUID: usize = 36;
    let is_uuid = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let cut = rest.len().checked_sub(UUID).and_then(|at| rest.split_at_checked(at)).filter(|(_, id)| is_uuid(id));
    whole(cut.and_then(|(name, _)| name.strip_suffix('-')).unwrap_or(rest))
}

impl Shape {
    /// What follows in the description of an interface that has this shape; none where it does not.
    fn rest<'i>(&self, interface: &'i NetworkInterface) -> Option<&'i str> {
        let description = interface.description.as_str();
        let is = |holds: bool| holds.then_some(description);
        match self {
            Self::Description(begin) => description.strip_prefix(begin),
            Self::Within(part) => is(description.contains(part)),
            Self::Type(name) => is(interface.interface_type == *name),
            Self::Tag(key) => is(interface.tags.contains_key(*key)),
            Self::Attached => {
                // What services attach to instances of their own names the service.
                let owner = interface.instance_owner.as_deref().unwrap_or_default();
                is(interface.instance.is_some() && !owner.starts_with("amazon-"))
            }
        }
    }
}

/// What is known of a kind.
struct About {
    /// As JSON and CSV print it.
    code: &'static str,
    /// As people call it.
    noun: &'static str,
    /// Other clients that its address may stand for.
    hides: Option<&'static str>,
}

const fn about(code: &'static str, noun: &'static str, hides: Option<&'static str>) -> About {
    About { code, noun, hides }
}

impl Kind {
    /// Sources: clients of RDS Proxy see a certificate of AWS Certificate Manager ("Rotating your SSL/TLS certificate" in the
    /// RDS user guide); functions with the same subnets and security groups share an interface ("Hyperplane ENIs" in the Lambda
    /// developer guide); gateways, load balancers and endpoints replace the address of what is behind them.
    const fn about(self) -> About {
        match self {
            Self::RdsProxy => {
                about("rds-proxy", "RDS Proxy", Some("the clients of the proxy, which need no new trust store"))
            }
            Self::RdsDatabase => about("rds-database", "RDS database", None),
            Self::Lambda => about("lambda", "Lambda", Some("all functions with the same subnets and security groups")),
            Self::EcsTask => about("ecs-task", "ECS", None),
            Self::EksPod => about("eks-pod", "EKS pod", None),
            Self::KubernetesNode => about("kubernetes-node", "Kubernetes node", Some("the pods on the node")),
            Self::NatGateway => about("nat-gateway", "NAT gateway", Some("all clients behind the gateway")),
            Self::LoadBalancer => about("load-balancer", "load balancer", Some("all clients of the load balancer")),
            Self::VpcEndpoint => about("vpc-endpoint", "VPC endpoint", Some("all clients of the endpoint")),
            Self::TransitGateway => about("transit-gateway", "transit gateway", Some("all clients behind the gateway")),
            Self::Glue => about("glue", "Glue", None),
            Self::Dms => about("dms", "DMS", None),
            Self::Redshift => about("redshift", "Redshift", None),
            Self::QuickSight => about("quicksight", "QuickSight", None),
            Self::Emr => about("emr", "EMR", None),
            Self::SageMaker => about("sagemaker", "SageMaker", None),
            Self::Ec2Instance => about("ec2-instance", "EC2", None),
            Self::Ambiguous => about("ambiguous", "several", None),
            Self::NetworkInterface => about("network-interface", "interface", None),
        }
    }

    /// The code, as JSON and CSV print it.
    pub fn code(self) -> &'static str {
        self.about().code
    }

    /// Which other clients its address may stand for; none where it stands for itself.
    pub fn hides(self) -> Option<&'static str> {
        self.about().hides
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.code())
    }
}

impl Owner {
    fn new(interface: &NetworkInterface, seen_at: Timestamp) -> Self {
        let found = KINDS.iter().find_map(|row| Some((row, row.shape.rest(interface)?)));
        let (kind, described) =
            found.map_or((Kind::NetworkInterface, None), |(row, rest)| (row.kind, (row.name)(rest)));
        let tag = NAMES.iter().find_map(|key| interface.tags.get(*key)).map(String::as_str);
        let cluster = interface.tags.keys().find_map(|key| key.strip_prefix(CLUSTER));
        let tagged = tag.filter(|name| !name.is_empty()).or(cluster).map(str::to_owned);
        // Of what has an identifier of its own, a tag is the better name.
        let has_id = matches!(kind, Kind::NatGateway | Kind::VpcEndpoint | Kind::TransitGateway);
        let own_id = described.filter(|_| has_id).map(str::to_owned);
        let name = described.filter(|_| !has_id).map(str::to_owned).or(tagged);
        let instance = interface.instance.clone().filter(|_| kind == Kind::Ec2Instance || kind == Kind::KubernetesNode);
        Self {
            kind,
            name,
            id: own_id.or(instance).unwrap_or_else(|| interface.id.clone()),
            interface: interface.id.clone(),
            description: interface.description.clone(),
            tags: interface.tags.clone(),
            seen_at,
            shared: kind.hides().is_some(),
        }
    }

    /// What a person calls it: `Lambda orders-api`, `EC2 i-0123456789abcdef0`.
    pub fn label(&self) -> String {
        let name = self.name.as_deref().unwrap_or(&self.id);
        match (self.kind, self.description.as_str()) {
            (Kind::NetworkInterface, description) if self.name.is_none() && !description.is_empty() => {
                format!("{} ({description})", self.id)
            }
            (Kind::NetworkInterface, _) => name.to_owned(),
            (Kind::Ambiguous, _) => format!("one of {}", self.id),
            (kind, _) => format!("{} {name}", kind.about().noun),
        }
    }
}

/// A client's owner, and whether it is an RDS proxy beyond doubt.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub owner: Option<Owner>,
    /// Whether the address was that of a proxy of the instance for all that the client was seen.
    pub is_proxy: bool,
}

/// An interface that was seen with an address.
type Seen = (NetworkInterface, Sighting);

/// The owners of addresses, as evidence shows them.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    /// By account and region, then by address.
    regions: BTreeMap<(String, String), BTreeMap<String, Vec<Seen>>>,
    /// Names of the proxies of each instance, by ARN.
    proxies: BTreeMap<String, Vec<String>>,
    /// Why owners are unknown.
    errors: Vec<Problem>,
}

impl Owners {
    /// The owners in evidence, and why some are unknown.
    pub fn new(evidence: &Evidence) -> Self {
        let mut owners = Self::default();
        for known in &evidence.instances {
            let profile = &known.profile;
            owners.proxies.insert(profile.arn.clone(), profile.proxies.clone());
            let place = (profile.account.clone(), profile.region.clone());
            let Some(region) = evidence.networks.get(&place).filter(|_| !owners.regions.contains_key(&place)) else {
                continue;
            };
            owners.errors.extend(region.errors.iter().cloned());
            owners.regions.insert(place, by_address(region));
        }
        owners
    }

    /// Why owners are unknown.
    pub fn errors(&self) -> &[Problem] {
        &self.errors
    }

    /// The owner of the address of a client that was seen from `first` to `last`.
    pub(super) fn of(
        &self,
        instance: &InstanceId,
        client: &str,
        first: Option<Timestamp>,
        last: Option<Timestamp>,
    ) -> Found {
        let place = (instance.account.clone(), instance.region.clone());
        let Some(seen) = self.regions.get(&place).and_then(|region| region.get(&address(client))) else {
            return Found::default();
        };
        let Some((interface, sighting)) = nearest(seen, last) else { return Found::default() };
        let owner = Owner::new(interface, moment(*sighting, last));
        let others: Vec<&str> = rivals(seen, (interface, *sighting), last).collect();
        if !others.is_empty() {
            let mut ids: Vec<&str> = others.into_iter().chain([interface.id.as_str()]).collect();
            ids.sort_unstable();
            let (kind, id) = (Kind::Ambiguous, ids.join(", "));
            return Found { owner: Some(Owner { kind, name: None, id, shared: true, ..owner }), is_proxy: false };
        }
        // Where another one had the address before or after, the proxy must have been seen with it all the time.
        let from = interface.attached_at.unwrap_or(sighting.from).min(sighting.from);
        let others = || seen.iter().filter(|(other, _)| other.id != interface.id).map(|(_, seen)| *seen);
        let is_its_own = first.zip(last).is_some_and(|(first, last)| {
            let is_attached = interface.attached_at.is_none_or(|attached| attached <= first);
            let is_apart = |other: Sighting| other.to < first || last < other.from;
            is_attached && others().all(is_apart) && (others().next().is_none() || from <= first && last <= sighting.to)
        });
        let proxies = self.proxies.get(&instance.arn).map(Vec::as_slice).unwrap_or_default();
        let is_of_instance =
            owner.name.as_deref().is_some_and(|name| proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(name)));
        let is_proxy = owner.kind == Kind::RdsProxy && is_of_instance && is_its_own;
        Found { owner: Some(owner), is_proxy }
    }
}

fn by_address(region: &RegionNetwork) -> BTreeMap<String, Vec<Seen>> {
    let mut all: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
    for (interface, address, seen) in region.network.sightings() {
        all.entry(address.to_owned()).or_default().push((interface.clone(), seen));
    }
    all
}

/// How far a time is from when an interface was seen; nothing where that is unknown.
fn distance(seen: Sighting, at: Option<Timestamp>) -> SignedDuration {
    match at {
        Some(at) if at < seen.from => at.duration_until(seen.from),
        Some(at) if at > seen.to => seen.to.duration_until(at),
        _ => SignedDuration::ZERO,
    }
}

/// When it was seen, nearest to a time.
fn moment(seen: Sighting, at: Option<Timestamp>) -> Timestamp {
    at.map_or(seen.to, |at| at.clamp(seen.from, seen.to))
}

/// Whether an interface can have had the address then: not before it was attached.
fn is_possible((interface, _): &&Seen, at: Option<Timestamp>) -> bool {
    interface.attached_at.zip(at).is_none_or(|(attached, at)| attached <= at)
}

/// The interface that was seen with the address nearest to a time, or last. Of two, that which was seen for the shorter time:
/// then the other one had the address before and after.
fn nearest(seen: &[Seen], at: Option<Timestamp>) -> Option<&Seen> {
    let length = |seen: Sighting| seen.from.duration_until(seen.to);
    seen.iter()
        .filter(|one| is_possible(one, at))
        .min_by_key(|(_, seen)| (distance(*seen, at), length(*seen), std::cmp::Reverse(seen.to)))
}

/// Other interfaces that were seen with the address at the same time.
fn rivals<'s>(
    seen: &'s [Seen],
    (interface, sighting): (&'s NetworkInterface, Sighting),
    at: Option<Timestamp>,
) -> impl Iterator<Item = &'s str> {
    let others = seen.iter().filter(move |one| one.0.id != interface.id && is_possible(one, at));
    let together = move |other: Sighting| other.from <= sighting.to && sighting.from <= other.to;
    others.filter(move |(_, other)| together(*other)).map(|(other, _)| other.id.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ARN: &str = "arn:aws:rds:eu-west-1:123456789012:db:orders";

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(1_795_392_000 + hour * 3600).expect("in range")
    }

    /// An interface that had the address: its number, whether it is the proxy's, how many hours before it was attached, and when
    /// it was seen.
    type Had = (u8, bool, Option<i64>, i64, i64);

    fn had() -> impl Strategy<Value = Had> {
        (0u8..4, any::<bool>(), prop::option::of(0i64..20), 0i64..40, 0i64..10)
    }

    fn seen((number, is_proxy, attached, from, hours): Had) -> Seen {
        let description = if is_proxy { "Network interface for DBProxy pool" } else { "a description" };
        let interface = NetworkInterface {
            id: format!("eni-{number}-{is_proxy}"),
            description: description.to_owned(),
            attached_at: attached.map(|hours| hour(from - hours)),
            ..NetworkInterface::default()
        };
        (interface, Sighting { from: hour(from), to: hour(from + hours) })
    }

    fn found(all: Vec<Seen>, first: i64, last: i64) -> Found {
        let place = ("123456789012".to_owned(), "eu-west-1".to_owned());
        let address = "10.0.0.5".to_owned();
        let owners = Owners {
            regions: [(place.clone(), [(address.clone(), all)].into())].into(),
            proxies: [(ARN.to_owned(), vec!["pool".to_owned()])].into(),
            errors: Vec::new(),
        };
        let (account, region) = place;
        let instance = InstanceId { account, region, instance: "orders".to_owned(), arn: ARN.to_owned() };
        owners.of(&instance, &address, Some(hour(first)), Some(hour(last)))
    }

    proptest! {
        #[test]
        fn another_owner_of_an_address_never_spares_a_client(
            all in prop::collection::vec(had(), 0..4),
            other in had(),
            first in 0i64..40,
            hours in 0i64..20,
            at in any::<prop::sample::Index>(),
        ) {
            let all: Vec<Seen> = all.into_iter().map(seen).collect();
            let before = found(all.clone(), first, first + hours);
            let mut more = all.clone();
            more.insert(at.index(all.len() + 1), seen((other.0, false, other.2, other.3, other.4)));
            let after = found(more.clone(), first, first + hours);
            prop_assert!(before.is_proxy || !after.is_proxy);
            let is_proxys = |interface: &NetworkInterface| after.owner.as_ref().is_some_and(|owner| owner.interface == interface.id);
            let is_apart = |seen: &Sighting| seen.to < hour(first) || seen.from > hour(first + hours);
            let mut others = more.iter().filter(|(interface, _)| !is_proxys(interface));
            prop_assert!(!after.is_proxy || others.all(|(_, seen)| is_apart(seen)), "nobody else had it meanwhile");
            // The order in which bundles are read makes no difference.
            let owner = |all: Vec<Seen>| found(all, first, first + hours).is_proxy;
            prop_assert_eq!(owner(more.iter().rev().cloned().collect()), owner(more));
        }
    }

    #[test]
    fn names_of_functions_have_no_identifier_behind_them() {
        let id = "1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f809";
        assert_eq!(function(&format!("orders-api-{id}")), Some("orders-api"));
        assert_eq!(
            ["orders-api", id, "", "é-1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f80"].map(function),
            [Some("orders-api"), Some(id), None, Some("é-1a2b3c4d-5e6f-7081-92a3-b4c5d6e7f80")]
        );
    }
}

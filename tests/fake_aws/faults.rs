//! Faults on order: which calls go wrong, and how.

use std::time::Duration;

use super::request::Call;

/// An order for trouble. Without a condition it hits every call of every action.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Only this action, such as `DescribeDBInstances`.
    pub action: Option<String>,
    /// Only calls to this region.
    pub region: Option<String>,
    /// Only calls that name this: an instance, a cluster, a group, a log file, by itself or as the end of an ARN.
    pub resource: Option<String>,
    /// Which of those calls.
    pub calls: Calls,
    /// What goes wrong.
    pub kind: FaultKind,
    /// Calls so far that fulfilled the conditions.
    seen: usize,
}

/// Which of the calls that fulfil a fault's conditions it hits.
#[derive(Debug, Clone, Copy)]
pub enum Calls {
    /// The first so many.
    First(usize),
    /// This one alone; the first is 1.
    Nth(usize),
    /// All.
    Every,
}

/// What goes wrong. Codes and statuses are those of the API reference, page "Common Errors"; `Throttling` is what RDS
/// sends where that page says `ThrottlingException` (aws-cli issue 8251).
#[derive(Debug, Clone, Copy)]
pub enum FaultKind {
    /// 400 `Throttling`, "Rate exceeded".
    Throttle,
    /// 403 `AccessDenied`.
    AccessDenied,
    /// 403 `AccessDenied` with this message.
    Denied(&'static str),
    /// 404 with this code.
    Gone(&'static str),
    /// 403 `ExpiredToken`.
    ExpiredToken,
    /// 403 `InvalidClientTokenId`, as from a region that is not enabled for the account.
    UnknownToken,
    /// 400 `RequestExpired`: the caller's clock is wrong.
    RequestExpired,
    /// The region does not have the feature. Source: terraform-provider-aws issues 40312 and 15177.
    NotInRegion,
    /// 503 `ServiceUnavailable`.
    ServiceUnavailable,
    /// 500 `InternalFailure`.
    InternalError,
    /// The connection is reset without an answer.
    Reset,
    /// The answer is complete as HTTP, but only this part of its XML is there (0.5 is half).
    CutXml(f64),
    /// The answer announces more bytes than come before the connection closes.
    CutBody,
    /// The same, after so many bytes.
    CutBodyAfter(usize),
    /// Status 200 and a web page, as from a proxy that wants a login.
    Html200,
    /// Status 200 and nothing.
    EmptyBody,
    /// The answer is right but late.
    Slow(Duration),
    /// The first answers wait until so many calls have arrived; all are late. See [`super::FakeAws::most_at_once`].
    Together(usize),
    /// Every page of a list is the first, and its marker is the same: "stuck".
    SameMarker,
    /// Every page of a list is the first, and its marker is a new one.
    NewMarkers,
    /// The answer has so many blanks before its last tag, and no length. To a parser it is whole.
    Blanks(u64),
    /// The answer is whole, and its result is this: what stands between the tags of XML, or JSON.
    Result(&'static str),
    /// The answer comes again and again, without end.
    Endless,
}

impl Fault {
    /// A fault of this kind, on every call until conditions are added.
    pub fn new(kind: FaultKind) -> Fault {
        Fault { action: None, region: None, resource: None, calls: Calls::Every, kind, seen: 0 }
    }

    /// Only on this action.
    pub fn on(mut self, action: impl Into<String>) -> Fault {
        self.action = Some(action.into());
        self
    }

    /// Only in this region.
    pub fn in_region(mut self, region: impl Into<String>) -> Fault {
        self.region = Some(region.into());
        self
    }

    /// Only for this resource.
    pub fn of(mut self, resource: impl Into<String>) -> Fault {
        self.resource = Some(resource.into());
        self
    }

    /// Only on these calls.
    pub fn at(mut self, calls: Calls) -> Fault {
        self.calls = calls;
        self
    }

    /// Counts `call` if it fulfils the conditions, and says whether it goes wrong.
    pub fn hits(&mut self, call: &Call) -> bool {
        let wanted = |wish: &Option<String>, value: &str| wish.as_deref().is_none_or(|wish| wish == value);
        let named = self.resource.as_deref().is_none_or(|resource| names(call, resource));
        if !wanted(&self.action, &call.action) || !wanted(&self.region, &call.region) || !named {
            return false;
        }
        self.seen += 1;
        match self.calls {
            Calls::First(count) => self.seen <= count,
            Calls::Nth(number) => self.seen == number,
            Calls::Every => true,
        }
    }
}

/// Whether a parameter of the call that identifies something says `resource`.
fn names(call: &Call, resource: &str) -> bool {
    call.parameters.iter().any(|(name, value)| {
        let identifies = name.ends_with("Identifier") || name.ends_with("Name");
        let arn_end = value.starts_with("arn:").then(|| value.rsplit(':').next()).flatten();
        identifies && (value == resource || arn_end == Some(resource))
    })
}

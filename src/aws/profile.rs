//! Profiles of the AWS configuration files: where the credentials of one come from, step by step.

use aws_config::profile::{Profile, ProfileFileLoadError, ProfileSet};

use crate::text::nearest;

/// Longest chain of profiles that is followed.
const LONGEST: usize = 16;

/// Loads the profiles of the configuration files.
///
/// # Errors
///
/// When a file cannot be read or is damaged.
pub(super) async fn load() -> Result<ProfileSet, ProfileFileLoadError> {
    let (machine, environment, files) = (Default::default(), Default::default(), Default::default());
    aws_config::profile::load(&machine, &environment, &files, None).await
}

/// Where the first credentials of a profile come from, before any role is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// Single sign-on.
    Sso,
    /// `credential_process`.
    Process,
    /// `aws login`.
    Login,
    /// A token of an identity provider.
    WebIdentity,
    /// Keys in the file, or `credential_source`.
    Other,
}

/// The settings that decide where credentials come from, the first one that is set.
///
/// Source: "Settings reference" in the AWS SDKs and Tools reference guide.
const BASES: [(&str, Base); 5] = [
    ("sso_session", Base::Sso),
    ("sso_start_url", Base::Sso),
    ("credential_process", Base::Process),
    ("login_session", Base::Login),
    ("web_identity_token_file", Base::WebIdentity),
];

/// How the credentials of a profile are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// The profile with the first credentials.
    pub base_profile: String,
    /// Where they come from.
    pub base: Base,
    /// ARNs of the roles that are assumed, the first one first.
    pub roles: Vec<String>,
    /// The profile that needs a code of an MFA device, if one does.
    pub mfa: Option<String>,
}

impl Chain {
    /// Follows a profile to where its credentials come from; none where it does not exist.
    pub fn of(profiles: &ProfileSet, name: &str) -> Option<Self> {
        let mut profile = profiles.get_profile(name)?;
        let (mut roles, mut mfa) = (Vec::new(), None);
        for _ in 0..LONGEST {
            if profile.get("mfa_serial").is_some() {
                mfa = Some(profile.name().to_owned());
            }
            roles.extend(profile.get("role_arn").map(str::to_owned));
            let source = profile.get("source_profile").filter(|_| profile.get("role_arn").is_some());
            match source.filter(|source| *source != profile.name()).and_then(|name| profiles.get_profile(name)) {
                Some(source) => profile = source,
                None => break,
            }
        }
        roles.reverse();
        Some(Self { base_profile: profile.name().to_owned(), base: base(profile), roles, mfa })
    }
}

fn base(profile: &Profile) -> Base {
    BASES.iter().find(|(setting, _)| profile.get(setting).is_some()).map_or(Base::Other, |(_, base)| *base)
}

/// The names of the profiles, the first ones.
pub(super) fn known(profiles: &ProfileSet) -> String {
    const NAMED: usize = 10;
    let mut names: Vec<&str> = profiles.profiles().collect();
    names.sort_unstable();
    let more = names.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!(" and {more} more"));
    names.truncate(NAMED);
    names.join(", ") + &more.unwrap_or_default()
}

/// What to do about a profile that does not exist: the name that looks like it, and those that there are.
pub(super) fn others(profiles: &ProfileSet, wanted: &str) -> String {
    match nearest(wanted, profiles.profiles()) {
        _ if profiles.is_empty() => "create it with `aws configure`, or `aws configure sso`".to_owned(),
        Some(near) => format!("did you mean {near}? The known profiles are {}", known(profiles)),
        None => format!("use one of the known profiles: {}", known(profiles)),
    }
}

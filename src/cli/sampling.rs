//! The options of `ssl-usage probe --sessions`, and its rounds.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::TlsStart;
use tokio::time::Instant;

use super::complain;
use super::fleet::Fleet;
use super::heading::SESSIONS;
use super::output::local;
use super::progress::{Bar, Wait};
use crate::bundle::{Bundle, ProbePart};
use crate::error::{Error, ErrorKind, Result};
use crate::handshake::{Outcome, Probed};
use crate::inventory::{EndpointKind, InstanceProfile};
use crate::progress::Progress;
use crate::sessions::{
    self, Access, InstanceSamples, Login, LoginMethod, OwnHandshake, Sample, SampleFailure, SampleOutcome,
    SessionTransport, Target, Trust,
};
use crate::text::plural;

/// Rejected logins in a row after which an instance is left alone.
const MOST_REJECTIONS: usize = 3;
/// Longest time until what was sampled is saved. The first round is saved at once.
const SAVED_EVERY: Duration = Duration::from_secs(55);

/// How sessions are listed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = SESSIONS)]
pub(super) struct Sampling {
    /// Where the password comes from. A password is never given on the command line.
    #[arg(long, value_name = "METHOD", value_enum, requires = "sessions")]
    login: Option<Method>,
    /// Database user. Default: PGUSER or SQLCMDUSER, or the user in the file or the secret.
    #[arg(long, value_name = "NAME", requires = "sessions")]
    user: Option<String>,
    /// CAs to trust instead of those of RDS (PEM). For GovCloud, China and new regions: global-bundle.pem of AWS.
    #[arg(long, value_name = "FILE", requires = "sessions", value_parser = local())]
    ca_bundle: Option<PathBuf>,
    /// Also read the logins in files of Extended Events (SQL Server only). The server parses these files.
    #[arg(long, requires = "sessions")]
    extended_events: bool,
    /// Repeat the sample at this interval (10s to 24h).
    #[arg(long, value_name = "TIME", requires = "for_time", requires = "sessions", value_parser = interval)]
    every: Option<Duration>,
    /// How long to repeat it (for example 24h, at most 744h).
    #[arg(long = "for", id = "for_time", value_name = "TIME", requires = "every", value_parser = length)]
    for_time: Option<Duration>,
}

/// Where the password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Method {
    /// IAM database authentication with the AWS credentials; needs --user.
    Iam,
    /// The master user's secret that RDS keeps in AWS Secrets Manager.
    Secret,
    /// The same secret, through the RDS Data API: for the writers of Aurora clusters that enable it.
    DataApi,
    /// PGPASSWORD (with PGUSER), MYSQL_PWD or SQLCMDPASSWORD (with SQLCMDUSER).
    Env,
    /// ~/.pgpass or ~/.my.cnf.
    File,
}

fn duration(text: &str, least: i64, most: i64) -> Result<Duration, String> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    let seconds = parsed.map(|parsed| parsed.as_secs()).filter(|seconds| (least..=most).contains(seconds));
    seconds
        .map(|seconds| Duration::from_secs(seconds.unsigned_abs()))
        .ok_or_else(|| format!("use a time from {} s to {} h, for example 60s or 24h", least, most / 3600))
}

fn interval(text: &str) -> Result<Duration, String> {
    duration(text, 10, 24 * 3600)
}

fn length(text: &str) -> Result<Duration, String> {
    duration(text, 10, 31 * 24 * 3600)
}

impl Sampling {
    /// The login and the CAs. `is_from` is whether the inventory is that of a bundle, without AWS.
    pub fn access(&self, is_from: bool) -> Result<Access> {
        let method = match self.login {
            Some(Method::Iam) => LoginMethod::Iam,
            Some(Method::Secret) => LoginMethod::Secret,
            Some(Method::DataApi) => LoginMethod::DataApi,
            Some(Method::Env) => LoginMethod::Environment,
            Some(Method::File) | None => LoginMethod::File,
        };
        if method.needs_aws() && is_from {
            return Err(Error::new(
                ErrorKind::Usage,
                "--login",
                "iam, secret and data-api need AWS, which --from does not call",
            )
            .hint("use --bundle instead of --from, or --login file"));
        }
        if method == LoginMethod::Iam && self.user.is_none() {
            return Err(Error::new(ErrorKind::Usage, "--login iam", "the database user is missing").hint("add --user"));
        }
        if self.user.is_some() && matches!(method, LoginMethod::Secret | LoginMethod::DataApi) {
            return Err(Error::new(ErrorKind::Usage, "--user", "the secret contains the user").hint("leave --user out"));
        }
        if self.every > self.for_time {
            return Err(
                Error::new(ErrorKind::Usage, "--every", "it is longer than --for").hint("use a shorter interval")
            );
        }
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let trust = self.ca_bundle.as_deref().map_or_else(Trust::rds, Trust::of_file)?;
        Ok(Access {
            login: Login { method, user: self.user.clone(), variable },
            trust,
            aws: Vec::new(),
            extended_events: self.extended_events,
        })
    }

    /// Lists the sessions of all instances, as often as it is asked for.
    pub async fn run(&self, access: &Access, fleet: &Fleet, rounds: &mut Rounds<'_>) -> Result<()> {
        let (login, trust) = (access.login.clone(), access.trust.clone());
        let mut access = Access { login, trust, aws: Vec::new(), extended_events: access.extended_events };
        if access.login.method.needs_aws() {
            let progress: Arc<dyn Progress> = Arc::new(Bar::new("requesting AWS credentials"));
            let (reached, failed) = fleet.reach(&progress).await?;
            failed.iter().for_each(|error| complain(error));
            access.aws = reached;
        }
        let mut targets: Vec<Target<'_>> = rounds.profiles.iter().filter_map(|profile| Target::new(profile)).collect();
        if access.extended_events && !targets.iter().any(Target::has_extended_events) {
            complain(&format_args!("--extended-events has no effect, because no instance is a SQL Server"));
        }
        let begun = Instant::now();
        let end = begun + self.for_time.unwrap_or_default();
        let mut next = begun;
        loop {
            let progress: Arc<dyn Progress> = Arc::new(Bar::new("listing sessions"));
            let sampled = sessions::sample(&targets, &access, &progress).await;
            drop(progress);
            // The files contain what was recorded before: once is enough.
            access.extended_events = false;
            rounds.add(sampled);
            let is_saved = rounds.save_if_due()?;
            // A login that is rejected again and again may lock the user.
            targets.retain(|target| rounds.rejections(&target.profile.arn) < MOST_REJECTIONS);
            let Some(every) = self.every else { return Ok(()) };
            if !rounds.has_listed() || targets.is_empty() {
                complain(&format_args!("stopped before the end, because no instance lists its sessions"));
                return Ok(());
            }
            // A round that takes longer than the interval leaves out others.
            while next <= Instant::now() {
                next += every;
            }
            if next > end {
                return Ok(());
            }
            let left = end.saturating_duration_since(next).as_secs() / every.as_secs() + 1;
            let wait = Wait::new(rounds.state(left), is_saved);
            tokio::time::sleep_until(next).await;
            drop(wait);
        }
    }
}

/// What a probe finds, round by round, and saves in the bundle.
pub(super) struct Rounds<'p> {
    bundle: &'p Bundle,
    profiles: Vec<&'p InstanceProfile>,
    probed: Vec<Probed>,
    began_at: Timestamp,
    /// Whether the certificates are saved.
    has_saved: bool,
    /// The samples that are not.
    unsaved: BTreeMap<String, InstanceSamples>,
    saved_at: Instant,
    /// Everything, for the report.
    all: BTreeMap<String, InstanceSamples>,
    is_first: bool,
}

impl<'p> Rounds<'p> {
    /// Before the first round; `probed` are certificates.
    pub fn new(bundle: &'p Bundle, profiles: Vec<&'p InstanceProfile>, probed: Vec<Probed>) -> Self {
        Self {
            bundle,
            profiles,
            probed,
            began_at: Timestamp::now(),
            has_saved: false,
            unsaved: BTreeMap::new(),
            saved_at: Instant::now(),
            all: BTreeMap::new(),
            is_first: true,
        }
    }

    /// Adds a round of samples. The handshakes of the certificates are part of the first.
    pub fn add(&mut self, mut round: Vec<InstanceSamples>) {
        if std::mem::take(&mut self.is_first) {
            for profile in &self.profiles {
                add_handshakes(profile, &self.probed, &mut round);
            }
        }
        for samples in round {
            for all in [&mut self.unsaved, &mut self.all] {
                let of = all.entry(samples.arn.clone()).or_insert_with(|| InstanceSamples::new(&samples.arn));
                of.absorb(samples.clone());
            }
        }
    }

    /// Whether any list of sessions was read.
    fn has_listed(&self) -> bool {
        self.all.values().flat_map(|of| &of.samples).any(|sample| sample.listed().is_some())
    }

    /// How often in a row the server rejected the login, at last.
    fn rejections(&self, arn: &str) -> usize {
        let is_rejected = |sample: &&Sample| {
            matches!(
                &sample.outcome,
                SampleOutcome::Failure(SampleFailure::LoginRejected(_) | SampleFailure::NoCredentials(_))
            )
        };
        self.all.get(arn).map_or(0, |of| of.samples.iter().rev().take_while(is_rejected).count())
    }

    /// Whether it saved something.
    fn save_if_due(&mut self) -> Result<bool> {
        let is_due = !self.has_saved || self.saved_at.elapsed() >= SAVED_EVERY;
        if is_due { self.save().map(|()| true) } else { Ok(false) }
    }

    /// What was seen so far, and how many samples are left.
    fn state(&self, left: u64) -> String {
        let all = || self.all.values();
        let samples = all().map(|of| of.samples.len()).max().unwrap_or_default() as u64;
        let listed = all().filter(|of| of.samples.last().is_some_and(|last| last.listed().is_some())).count();
        let clients = all().flat_map(|of| &of.sessions).filter(|session| !session.system);
        let tls = clients.filter(|session| session.transport == SessionTransport::Tls).count() as u64;
        format!(
            "{}, {left} left. {listed} of {} listed, {} with TLS so far",
            plural(samples, "sample"),
            plural(self.all.len() as u64, "instance"),
            plural(tls, "session")
        )
    }

    fn save(&mut self) -> Result<()> {
        let samples: Vec<InstanceSamples> = std::mem::take(&mut self.unsaved).into_values().collect();
        let probed = if std::mem::replace(&mut self.has_saved, true) { &[] } else { self.probed.as_slice() };
        let parts = parts(&self.profiles, self.began_at, (probed, &samples));
        parts.iter().try_for_each(|part| self.bundle.write_probe(part))?;
        self.saved_at = Instant::now();
        Ok(())
    }

    /// Saves what is left, and returns everything, by account and region.
    pub fn end(mut self) -> Result<Vec<ProbePart>> {
        self.save()?;
        let samples: Vec<InstanceSamples> = std::mem::take(&mut self.all).into_values().collect();
        Ok(parts(&self.profiles, self.began_at, (&self.probed, &samples)))
    }
}

/// Adds the TLS handshakes with a server that counts them: to its sample of this round, or without one by their time.
fn add_handshakes(profile: &InstanceProfile, probed: &[Probed], round: &mut Vec<InstanceSamples>) {
    let counts = profile.known_engine().is_some_and(|engine| engine.tls_start == Some(TlsStart::Mysql));
    let Some((_, endpoints)) = profile.tls_endpoints().filter(|_| counts) else { return };
    let made = probed.iter().filter(|probed| endpoints.contains(&probed.endpoint)).map(|probed| OwnHandshake {
        at: probed.at,
        is_certain: matches!(probed.outcome, Outcome::Presented(_)) && probed.endpoint.kind == EndpointKind::Instance,
    });
    let made: Vec<OwnHandshake> = made.collect();
    let certain = made.iter().filter(|handshake| handshake.is_certain).count() as u64;
    let of_round = round.iter_mut().find(|samples| samples.arn == profile.arn);
    let counter = of_round.and_then(|samples| match &mut samples.samples.first_mut()?.outcome {
        SampleOutcome::Listed(listed) => listed.handshakes.as_mut(),
        SampleOutcome::Failure(_) => None,
    });
    match counter {
        Some(count) => {
            count.own += certain;
            count.maybe_own += made.len() as u64 - certain;
        }
        None if made.is_empty() => {}
        None => round.push(InstanceSamples { handshakes: made, ..InstanceSamples::new(&profile.arn) }),
    }
}

/// What a probe found, by account and region.
fn parts(
    profiles: &[&InstanceProfile],
    began_at: Timestamp,
    (probed, samples): (&[Probed], &[InstanceSamples]),
) -> Vec<ProbePart> {
    let mut regions: BTreeMap<(&str, &str), Vec<&InstanceProfile>> = BTreeMap::new();
    for profile in profiles {
        regions.entry((&profile.account, &profile.region)).or_default().push(profile);
    }
    let part = |((account, region), profiles): ((&str, &str), Vec<&InstanceProfile>)| {
        ProbePart::new((account, region, began_at), &profiles, (probed, samples))
    };
    regions.into_iter().map(part).filter(|part| !part.is_empty()).collect()
}

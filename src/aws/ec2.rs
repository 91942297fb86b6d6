//! The EC2 API, of which one call is used: its SDK is larger than all others together.
//!
//! A call goes out as a call of the RDS API, whose protocol and endpoints are alike. The endpoint, the service that is
//! signed for and the body are replaced before it is signed, and the answer is read before the SDK sees it. Credentials,
//! signature, clock, rate and retries are so those of every other call.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_rds::Client;
use aws_sdk_rds::config::Builder;
use aws_sdk_rds::config::endpoint::{DefaultResolver, Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_sdk_rds::error::SdkError;
use aws_sdk_rds::operation::describe_source_regions::DescribeSourceRegionsError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::Document;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_xml::decode::{Document as Xml, try_data};

use super::endpoint as configured;
use super::integrity::whole_xml;

/// The service, as signatures and endpoints name it.
const SERVICE: &str = "ec2";
/// Version of the API. Source: botocore's model of EC2.
const VERSION: &str = "2016-11-15";
/// How often a call is made that fails in a way that may pass. What it answers decides nothing, so that a network without a
/// way to EC2 is not waited for.
const ATTEMPTS: u32 = 2;
/// What is left of an answer that was read.
const REST: &str = "<DescribeSourceRegionsResponse><DescribeSourceRegionsResult/></DescribeSourceRegionsResponse>";

/// Why a call failed.
pub type Ec2Error = SdkError<DescribeSourceRegionsError, HttpResponse>;

/// The EC2 API of an account and region.
#[derive(Clone, Debug)]
pub struct Ec2(Client);

impl Ec2 {
    /// A client with what `rds` has, which is made of `config`.
    pub(super) fn new(config: &SdkConfig, mut rds: Builder) -> Self {
        rds.set_endpoint_url(configured::of(config, "EC2"));
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let config = rds.endpoint_resolver(Resolver(DefaultResolver::new())).retry_config(retries);
        Self(Client::from_conf(config.build()))
    }

    /// Calls an action with parameters; `read` reads an answer that is whole. None where it cannot.
    ///
    /// # Errors
    ///
    /// When the call fails, or the answer is no answer of the EC2 API.
    pub async fn call<T>(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
        read: fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, Ec2Error>
    where
        T: Debug + Send + Sync + 'static,
    {
        let encoded = |text| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
        let parameters = parameters.iter().map(|(name, value)| format!("&{name}={}", encoded(value)));
        let form = format!("Action={action}&Version={VERSION}{}", parameters.collect::<String>());
        let answer = Arc::default();
        let call = Call { form, read, answer: Arc::clone(&answer) };
        self.0.describe_source_regions().customize().interceptor(call).send().await?;
        Ok(answer.lock().unwrap_or_else(PoisonError::into_inner).take())
    }
}

/// Resolves endpoints of EC2: those of RDS with another first word, in every partition, with FIPS and dual-stack or without.
///
/// Source: botocore's rules of both services agree on that for all 220 combinations of region and variant.
#[derive(Debug)]
struct Resolver(DefaultResolver);

impl ResolveEndpoint for Resolver {
    fn resolve_endpoint<'a>(&'a self, params: &'a Params) -> EndpointFuture<'a> {
        let of_rds = ResolveEndpoint::resolve_endpoint(&self.0, params);
        EndpointFuture::new(async move { Ok(endpoint(of_rds.await?, params)) })
    }
}

fn endpoint(of_rds: Endpoint, params: &Params) -> Endpoint {
    let url = match params.endpoint() {
        Some(url) => url.to_owned(),
        None => of_rds.url().replacen("://rds", &format!("://{SERVICE}"), 1),
    };
    let scheme = [("name", "sigv4"), ("signingName", SERVICE), ("signingRegion", params.region().unwrap_or_default())];
    let scheme = scheme.map(|(name, value)| (name.to_owned(), Document::String(value.to_owned())));
    let schemes = Document::Array(vec![Document::Object(HashMap::from(scheme))]);
    of_rds.into_builder().url(url).property("authSchemes", schemes).build()
}

/// Makes a call of EC2 of a call of the RDS API.
#[derive(Debug)]
struct Call<T> {
    form: String,
    read: fn(&[u8]) -> Option<T>,
    answer: Arc<Mutex<Option<T>>>,
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl<T: Debug + Send + Sync + 'static> Intercept for Call<T> {
    fn name(&self) -> &'static str {
        "Ec2Call"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.headers_mut().insert("content-length", self.form.len().to_string());
        *request.body_mut() = SdkBody::from(self.form.clone());
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let body = response.body().bytes().unwrap_or_default();
        // What cannot be read stays, and fails as an answer that is not of the API.
        if !response.status().is_success() {
            if let Some(error) = error(body) {
                *response.body_mut() = SdkBody::from(error);
            }
        } else if whole_xml(body)
            && let Some(answer) = (self.read)(body)
        {
            *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
            *response.body_mut() = SdkBody::from(REST);
        }
        Ok(())
    }
}

/// An error of EC2 as RDS writes it; none where it is no error of EC2.
///
/// EC2 answers `<Response><Errors><Error><Code>…`, RDS `<ErrorResponse><Error><Code>…`. Source: "Error codes for the Amazon
/// EC2 API" in the EC2 API reference.
fn error(body: &[u8]) -> Option<String> {
    let mut xml = Xml::try_from(body).ok()?;
    let mut root = xml.root_element().ok().filter(|root| root.start_el().matches("Response"))?;
    let mut fields = String::new();
    while let Some(mut errors) = root.next_tag() {
        if !errors.start_el().matches("Errors") {
            continue;
        }
        let mut error = errors.next_tag().filter(|error| error.start_el().matches("Error"))?;
        while let Some(mut field) = error.next_tag() {
            let name = ["Code", "Message"].into_iter().find(|name| field.start_el().matches(name));
            let text = try_data(&mut field).ok()?;
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            fields += &name.map(|name| format!("<{name}>{text}</{name}>")).unwrap_or_default();
        }
    }
    fields.contains("<Code>").then(|| format!("<ErrorResponse><Error>{fields}</Error></ErrorResponse>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(region: &str, fips: bool, dual_stack: bool, url: Option<&str>) -> String {
        let params = Params::builder().region(region).use_fips(fips).use_dual_stack(dual_stack);
        let params = params.set_endpoint(url.map(str::to_owned)).build().expect("parameters");
        let resolver = Resolver(DefaultResolver::new());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(resolver.resolve_endpoint(&params)).expect("an endpoint").url().to_owned()
    }

    #[test]
    fn every_partition_has_its_endpoint() {
        let url = |region, fips, dual_stack| resolved(region, fips, dual_stack, None);
        assert_eq!(url("eu-west-1", false, false), "https://ec2.eu-west-1.amazonaws.com");
        assert_eq!(url("us-east-1", true, false), "https://ec2-fips.us-east-1.amazonaws.com");
        assert_eq!(url("eu-west-1", false, true), "https://ec2.eu-west-1.api.aws");
        assert_eq!(url("us-gov-west-1", true, false), "https://ec2.us-gov-west-1.amazonaws.com");
        assert_eq!(url("cn-north-1", false, false), "https://ec2.cn-north-1.amazonaws.com.cn");
        let own = "https://vpce-1.rds.example";
        assert_eq!(resolved("eu-west-1", false, false, Some(own)), own);
    }

    #[test]
    fn errors_are_those_of_ec2_alone() {
        let of_ec2 = "<?xml version=\"1.0\"?><Response><Errors><Error><Code>UnauthorizedOperation</Code>\
                      <Message>no &lt;b&gt;</Message></Error></Errors><RequestID>1</RequestID></Response>";
        let of_rds = "<ErrorResponse><Error><Code>UnauthorizedOperation</Code><Message>no &lt;b&gt;</Message></Error></ErrorResponse>";
        assert_eq!(error(of_ec2.as_bytes()).as_deref(), Some(of_rds));
        let others =
            ["", "<html/>", of_rds, "<Response><Errors><Error/></Errors></Response>", "<Response><Errors>", "\0"];
        assert!(others.iter().all(|other| error(other.as_bytes()).is_none()));
    }
}

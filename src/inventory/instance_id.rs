//! Which instance: what reports, lists and plans name it by.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::InstanceProfile;

/// An instance. Four fields of the object that holds it, with `#[serde(flatten)]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceId {
    /// Account number.
    pub account: String,
    /// Region.
    pub region: String,
    /// `DBInstanceIdentifier`.
    pub instance: String,
    /// Amazon Resource Name.
    pub arn: String,
}

/// An instance, and the cluster that it is a member of: the published formats have the cluster before the ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The instance.
    pub id: InstanceId,
    /// `DBClusterIdentifier`; none of an instance that stands alone.
    pub cluster: Option<String>,
}

impl Serialize for Member {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let InstanceId { account, region, instance, arn } = &self.id;
        let mut fields = out.serialize_map(Some(5))?;
        fields.serialize_entry("account", account)?;
        fields.serialize_entry("region", region)?;
        fields.serialize_entry("instance", instance)?;
        fields.serialize_entry("cluster", &self.cluster)?;
        fields.serialize_entry("arn", arn)?;
        fields.end()
    }
}

impl InstanceProfile {
    /// Which instance it is.
    pub fn id(&self) -> InstanceId {
        InstanceId {
            account: self.account.clone(),
            region: self.region.clone(),
            instance: self.instance.clone(),
            arn: self.arn.clone(),
        }
    }

    /// Which instance it is, and of which cluster.
    pub fn member(&self) -> Member {
        Member { id: self.id(), cluster: self.cluster.clone() }
    }
}

//! Words of a cell's Kubernetes API, as far as the platform's own resources go: objects in JSON, and the review of one
//! that is about to be written (`admission.k8s.io/v1`, cut to what is decided by).

use crate::ids::TenantId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Group and version of the platform's resources.
const GROUP: &str = "/apis/platform.cellproof.test/v1/";
/// `POST`: the review of a write.
pub const REVIEW_PATH: &str = "/admission/v1/reviews";
/// `GET`: the reports of all namespaces.
pub const ALL_REPORTS: &str = "/apis/platform.cellproof.test/v1/reports";

/// What is asked of reports: a resource by which a tenant orders some of its records, to be found in its status.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// The reports of all namespaces.
    All,
    /// Those of a namespace, to create one among them.
    Namespace(String),
    /// One report: namespace and name.
    One(String, String),
    /// The status of one.
    Status(String, String),
}

/// What is about to be done to an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// It is new.
    Create,
    /// It replaces what is there.
    Update,
}

/// A write that waits for its review.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// What is about to be done.
    pub operation: Operation,
    /// The tenant that the writer's certificate proves.
    pub tenant: TenantId,
    /// The object as it would be written.
    pub object: Value,
}

/// What came of a review.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Whether it may be written.
    pub allowed: bool,
    /// Why not, for the writer.
    pub message: String,
}

impl Target {
    /// Reads a path.
    pub fn parse(path: &str) -> Option<Target> {
        if path == ALL_REPORTS {
            return Some(Target::All);
        }
        let parts: Vec<&str> = path.strip_prefix(GROUP)?.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        match parts[..] {
            ["namespaces", namespace, "reports"] => Some(Target::Namespace(namespace.into())),
            ["namespaces", namespace, "reports", name] => Some(Target::One(namespace.into(), name.into())),
            ["namespaces", namespace, "reports", name, "status"] => Some(Target::Status(namespace.into(), name.into())),
            _ => None,
        }
    }
}

/// Path of the reports of a namespace.
pub fn reports_of(namespace: &str) -> String {
    format!("{GROUP}namespaces/{namespace}/reports")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_report_or_many_or_nothing() {
        let check = |path: &str, expected: Option<Target>| assert_eq!(Target::parse(path), expected, "{path}");
        let reports = reports_of("acme");
        check(ALL_REPORTS, Some(Target::All));
        check(&reports, Some(Target::Namespace("acme".into())));
        check(&format!("{reports}/daily"), Some(Target::One("acme".into(), "daily".into())));
        check(&format!("{reports}/daily/status"), Some(Target::Status("acme".into(), "daily".into())));
        for nothing in ["/", "/apis", &format!("{reports}/"), &format!("{reports}/daily/scale"), "/v1/records/1"] {
            check(nothing, None);
        }
    }
}

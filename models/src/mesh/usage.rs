//! What X.509-SVID demands of a certificate and `rustls-webpki` does not look at: what its key may be used for (§4.3,
//! §5.2), and that an authority does not bear a workload's id (§3.2).
//!
//! A certificate that cannot be read is for nothing.

use x509_parser::prelude::{FromDer, GeneralName, KeyUsage, X509Certificate};

/// Whether a leaf may show who somebody is: it signs digitally, and neither certificates nor revocation lists.
pub fn may_authenticate(der: &[u8]) -> bool {
    with_usage(der, |_, usage| usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign())
}

/// Whether a certificate between leaf and root may sign others: it says so, and a SPIFFE id in it has no path.
pub fn may_sign(der: &[u8]) -> bool {
    with_usage(der, |certificate, usage| usage.key_cert_sign() && !bears_workload_id(certificate))
}

fn with_usage(der: &[u8], fits: impl FnOnce(&X509Certificate<'_>, &KeyUsage) -> bool) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return false };
    let Ok(Some(usage)) = certificate.key_usage() else { return false };
    fits(&certificate, usage.value)
}

fn bears_workload_id(certificate: &X509Certificate<'_>) -> bool {
    let Ok(names) = certificate.subject_alternative_name() else { return true };
    let path = |name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => uri.strip_prefix("spiffe://").is_some_and(|rest| rest.contains('/')),
        _ => false,
    };
    names.is_some_and(|names| names.value.general_names.iter().any(path))
}

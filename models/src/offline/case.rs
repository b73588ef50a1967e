//! The loader's decision as a question and an answer in JSON: `cellproof model offline-bundle`.
//!
//! Whoever makes bundles elsewhere can ask whether they would be loaded. Keys, digests and signatures are hexadecimal
//! digits; what is signed is the text that [`Manifest::signed`], [`Certificate`](super::bundle::Certificate) and
//! [`statement`](super::bundle::statement) describe.

use super::bundle::{Bundle, Certificate, Entry, Manifest};
use super::custody::{Attestation, Custody, Release, Trusted};
use super::loader::{Head, Judged, Loader, Pinned, Transfer};
use crate::control::Controls;
use crate::crypto::hex;
use crate::ids::{Bytes, TenantId};
use serde::Deserialize;
use serde_json::json;
use sim::{Duration, Instant};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// By the loader's clock, since the first day began.
    now_ns: u64,
    pinned: AskedPinned,
    #[serde(default)]
    head: Option<AskedHead>,
    manifest: AskedManifest,
    signature: String,
    #[serde(default)]
    certificate: Option<AskedCertificate>,
    files: Vec<AskedFile>,
    releases: Vec<AskedRelease>,
    token: AskedToken,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedPinned {
    cell: Arc<str>,
    tenants: Vec<TenantId>,
    root: String,
    custodians: BTreeMap<Arc<str>, String>,
    custodians_needed: usize,
    token_maker: String,
    rotation_ns: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedHead {
    sequence: u64,
    manifest_sha256: String,
    made_at_ns: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedManifest {
    cell: Arc<str>,
    tenant: TenantId,
    sequence: u64,
    previous: String,
    made_at_ns: u64,
    key_id: Arc<str>,
    files: Vec<AskedEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedEntry {
    name: Arc<str>,
    bytes: u64,
    sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedCertificate {
    key_id: Arc<str>,
    day: u64,
    public: String,
    signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedFile {
    name: Arc<str>,
    content: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedRelease {
    custodian: Arc<str>,
    signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedToken {
    serial: Arc<str>,
    public: String,
    made_by: String,
    signature: String,
}

/// Answers one JSON line with one line, every control on: `loaded`, or a `reason` with `requirements`.
///
/// # Errors
/// When the line is no such case.
pub fn answer_json(line: &str) -> Result<String, String> {
    let case: Case = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let transfer = transfer(&case)?;
    let mut loader = Loader::new(pinned(&case.pinned)?);
    if let Some(head) = &case.head {
        let (sequence, made_at) = (head.sequence, Instant(head.made_at_ns));
        let digest = digest("head.manifest_sha256", &head.manifest_sha256)?;
        loader.resume(&case.manifest.tenant, Head { sequence, digest, made_at });
    }
    let sha256 = hex(&transfer.bundle.manifest.digest());
    let judged = loader.judge(Instant(case.now_ns), &Controls::all_on(), &transfer);
    let answer = match judged {
        Ok(Judged::Next) => json!({"loaded": true, "manifest_sha256": sha256}),
        Ok(Judged::Known | Judged::Ask) => json!({"loaded": false, "reason": "KNOWN", "requirements": []}),
        Err(refusal) => {
            json!({"loaded": false, "reason": refusal.code(), "requirements": refusal.requirements()})
        }
    };
    Ok(answer.to_string())
}

fn pinned(asked: &AskedPinned) -> Result<Pinned, String> {
    if asked.rotation_ns == 0 {
        return Err("`pinned.rotation_ns` is 0, expected the length of a day".into());
    }
    let mut custodians = BTreeMap::new();
    for (name, public) in &asked.custodians {
        custodians.insert(name.clone(), digest("a custodian's key", public)?);
    }
    let maker = digest("pinned.token_maker", &asked.token_maker)?;
    Ok(Pinned {
        cell: asked.cell.clone(),
        tenants: asked.tenants.clone(),
        root: digest("pinned.root", &asked.root)?,
        custody: Trusted { custodians, needed: asked.custodians_needed, maker },
        rotation: Duration(asked.rotation_ns),
    })
}

fn transfer(case: &Case) -> Result<Transfer, String> {
    let asked = &case.manifest;
    let entry = |entry: &AskedEntry| {
        let sha256 = digest("a file's sha256", &entry.sha256)?;
        Ok(Entry { name: entry.name.clone(), bytes: entry.bytes, sha256 })
    };
    let manifest = Manifest {
        cell: asked.cell.clone(),
        tenant: asked.tenant.clone(),
        sequence: asked.sequence,
        previous: digest("manifest.previous", &asked.previous)?,
        made_at: Instant(asked.made_at_ns),
        key_id: asked.key_id.clone(),
        files: asked.files.iter().map(entry).collect::<Result<_, String>>()?,
    };
    let certificate = case.certificate.as_ref().map(|asked| {
        let (key_id, day) = (asked.key_id.clone(), asked.day);
        let (public, signature) =
            (digest("certificate.public", &asked.public)?, bytes("a signature", &asked.signature)?);
        Ok::<_, String>(Certificate { key_id, day, public, signature })
    });
    let file = |file: &AskedFile| Ok((file.name.clone(), bytes("a file's content", &file.content)?));
    let release = |release: &AskedRelease| {
        let signature = bytes("a signature", &release.signature)?;
        Ok(Release { custodian: release.custodian.clone(), signature })
    };
    let token = &case.token;
    Ok(Transfer {
        bundle: Bundle {
            manifest,
            signature: bytes("`signature`", &case.signature)?,
            certificate: certificate.transpose()?,
            files: case.files.iter().map(file).collect::<Result<_, String>>()?,
        },
        custody: Custody {
            releases: case.releases.iter().map(release).collect::<Result<_, String>>()?,
            attestation: Attestation {
                serial: token.serial.clone(),
                public: digest("token.public", &token.public)?,
                made_by: bytes("token.made_by", &token.made_by)?,
                signature: bytes("token.signature", &token.signature)?,
            },
        },
    })
}

fn bytes(what: &str, text: &str) -> Result<Bytes, String> {
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    let byte = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
    bytes.map(Into::into).ok_or_else(|| format!("{what} is not hexadecimal digits, two a byte"))
}

fn digest(what: &str, text: &str) -> Result<[u8; 32], String> {
    let bytes = bytes(what, text)?;
    bytes[..].try_into().map_err(|_| format!("{what} has {} bytes, expected 32", bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::super::bundle::{Keys, RECORDS, root, statement};
    use super::super::custody::{attest, maker_key, release, trusted};
    use super::*;
    use serde_json::Value;

    /// A genuine first bundle, as a line.
    fn genuine() -> Value {
        let rotation = Duration::secs(86_400);
        let (key, certificate) = Keys { cell: "cell-a".into(), rotation }.of_day(0);
        let made_at = Instant(5);
        let manifest = Manifest {
            cell: "cell-offline".into(),
            tenant: "acme".into(),
            sequence: 1,
            previous: [0; 32],
            made_at,
            key_id: "".into(),
            files: Vec::new(),
        };
        let bundle = Bundle::seal(manifest, vec![(RECORDS.into(), (*b"1\n").into())], &key, certificate);
        let statement = statement("cell-offline", "acme", 1);
        let (names, trusted) = trusted(2);
        let releases: Vec<Value> = names
            .iter()
            .map(|name| json!({"custodian": name, "signature": hex(&release(name, &statement).signature)}))
            .collect();
        let token = attest(&maker_key(), "token-1", &statement);
        let custodians: BTreeMap<&str, String> =
            trusted.custodians.iter().map(|(name, public)| (&**name, hex(public))).collect();
        let certificate = bundle.certificate.as_ref().expect("it was sealed with one");
        json!({
            "now_ns": 9,
            "pinned": {
                "cell": "cell-offline", "tenants": ["acme"], "root": hex(root().public()), "custodians": custodians,
                "custodians_needed": 2, "token_maker": hex(maker_key().public()), "rotation_ns": rotation.as_nanos(),
            },
            "manifest": {
                "cell": "cell-offline", "tenant": "acme", "sequence": 1, "previous": hex(&[0; 32]), "made_at_ns": 5,
                "key_id": bundle.manifest.key_id,
                "files": [{"name": RECORDS, "bytes": 2, "sha256": hex(&bundle.manifest.files[0].sha256)}],
            },
            "signature": hex(&bundle.signature),
            "certificate": {
                "key_id": certificate.key_id, "day": 0, "public": hex(&certificate.public),
                "signature": hex(&certificate.signature),
            },
            "files": [{"name": RECORDS, "content": "310a"}],
            "releases": releases,
            "token": {
                "serial": "token-1", "public": hex(&token.public), "made_by": hex(&token.made_by),
                "signature": hex(&token.signature),
            },
        })
    }

    fn check(edit: impl FnOnce(&mut Value), expected: &str) {
        let mut case = genuine();
        edit(&mut case);
        let answer: Value = serde_json::from_str(&answer_json(&case.to_string()).expect("a case")).expect("JSON");
        let said = answer["reason"].as_str().unwrap_or("loaded");
        assert_eq!(said, expected, "{answer}");
        assert_eq!(answer["loaded"] == true, expected == "loaded");
    }

    #[test]
    fn the_genuine_bundle_is_loaded_and_what_differs_in_one_thing_is_refused_for_that() {
        check(|_| {}, "loaded");
        check(|case| case["pinned"]["cell"] = "cell-offline-2".into(), "ADDRESSEE");
        check(|case| case["pinned"]["tenants"] = json!(["beta"]), "TENANT_NOT_HOSTED");
        check(|case| case["certificate"] = Value::Null, "KEY_UNKNOWN");
        check(|case| case["certificate"]["day"] = 1.into(), "KEY_NOT_CERTIFIED");
        check(|case| case["manifest"]["made_at_ns"] = 86_400_000_000_000_u64.into(), "KEY_OF_ANOTHER_DAY");
        check(|case| case["manifest"]["sequence"] = 2.into(), "SIGNATURE");
        check(|case| case["files"][0]["content"] = "320a".into(), "FILE_DIGEST");
        check(|case| case["files"] = json!([]), "INCOMPLETE");
        check(|case| case["releases"][1] = case["releases"][0].clone(), "CUSTODIANS");
        check(|case| case["releases"][1]["custodian"] = "custodian-3".into(), "CUSTODIANS");
        check(|case| case["token"]["serial"] = "token-2".into(), "TOKEN_ATTESTATION");
        let head = |sequence: u64| json!({"sequence": sequence, "manifest_sha256": hex(&[7; 32]), "made_at_ns": 1});
        check(|case| case["head"] = head(1), "REPLAYED");
        check(|case| case["head"] = head(0), "OUT_OF_ORDER");
    }

    #[test]
    fn a_line_that_is_no_case_says_what_was_expected() {
        assert!(answer_json("{}").is_err_and(|e| e.contains("missing field")));
        let mut case = genuine();
        case["pinned"]["root"] = "abc".into();
        assert!(answer_json(&case.to_string()).is_err_and(|e| e.contains("pinned.root")));
    }
}

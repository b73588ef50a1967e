//! Words of a person's login: the code flow (RFC 6749 §4.1 with RFC 7636), the device flow (RFC 8628), refresh tokens.
//!
//! Who a person is, the connection to the provider proves: a page for passwords is not modelled.

use crate::crypto::{base64url, sha256};
use crate::ids::TenantId;
use crate::wire::Code;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a browser asks of the provider on behalf of an application (RFC 6749 §4.1.1).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Authorize {
    /// The application.
    pub client_id: Arc<str>,
    /// Where the browser is sent with the code.
    pub redirect_uri: Arc<str>,
    /// What the application recognises the answer by.
    pub state: Arc<str>,
    /// SHA-256 of the verifier, in base64url (RFC 7636 §4.2, method S256).
    pub challenge: Arc<str>,
    /// The tenant that the person will act for.
    pub tenant: TenantId,
}

/// What an application has and wants tokens for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Grant {
    /// A code, and the verifier of the request that it answers.
    Code {
        /// The code.
        code: Arc<str>,
        /// The verifier.
        verifier: Arc<str>,
    },
    /// A refresh token.
    Refresh(Arc<str>),
    /// A device code.
    Device(Arc<str>),
}

/// A word to the provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Login {
    /// A person lets an application act.
    Authorize(Authorize),
    /// An application wants tokens.
    Redeem {
        /// The application.
        client_id: Arc<str>,
        /// What it has.
        grant: Grant,
    },
    /// A device without a browser wants a person to let it act (RFC 8628 §3.1).
    StartDevice {
        /// The application on it.
        client_id: Arc<str>,
    },
    /// A person lets the device with this code act (RFC 8628 §3.3).
    ApproveDevice {
        /// The code that the device shows.
        user_code: Arc<str>,
        /// The tenant that it will act for.
        tenant: TenantId,
    },
}

/// The provider's answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum LoginAnswer {
    /// The browser is sent to the application with this.
    Code {
        /// Where to.
        redirect_uri: Arc<str>,
        /// The code.
        code: Arc<str>,
        /// The request's state.
        state: Arc<str>,
    },
    /// Tokens.
    Tokens {
        /// The access token.
        access: Arc<str>,
        /// The refresh token.
        refresh: Arc<str>,
    },
    /// Codes of a device.
    Device {
        /// What the device asks with.
        device_code: Arc<str>,
        /// What the person types.
        user_code: Arc<str>,
    },
    /// The device may go on.
    Approved,
    /// No, or not yet, and why (RFC 6749 §5.2, RFC 8628 §3.5).
    Refused(#[serde(with = "crate::wire::codec::code")] Code),
}

/// The challenge of a verifier (RFC 7636 §4.2).
pub fn challenge(verifier: &str) -> Arc<str> {
    base64url(&sha256(verifier.as_bytes())).into()
}

//! Honest requests of both tenants of a deployment, for whoever asks without judging the gateway itself.

use super::link::Link;
use super::token::Mint;
use crate::certify::deployment::Deployment;
use crate::certify::http::request::{PROBE, Request};
use crate::certify::http::route::Route;

/// Both tenants, at a gateway.
pub struct Honest<'d> {
    /// The door for everybody.
    pub route: Route,
    link: Link,
    mint: Mint<'d>,
    deployment: &'d Deployment,
}

impl<'d> Honest<'d> {
    /// Reads keys and certificates; connects nowhere.
    ///
    /// # Errors
    /// There is no gateway, or a secret is not where the deployment says.
    pub fn new(deployment: &'d Deployment) -> Result<Honest<'d>, String> {
        let gateway = deployment.gateway.as_ref().ok_or("the deployment has no gateway")?;
        let (a, b) = deployment.tenants();
        let mint = Mint::new(gateway, [a, b], &deployment.home)?;
        let link = Link::new(gateway, &deployment.home)?;
        Ok(Honest { route: link.own.clone(), link, mint, deployment })
    }

    /// The name of tenant 0 or 1.
    pub fn tenant(&self, tenant: usize) -> &'d str {
        let (a, b) = self.deployment.tenants();
        if tenant == 0 { &a.id } else { &b.id }
    }

    /// An honest request, with a token of this moment.
    ///
    /// # Errors
    /// The key does not sign.
    pub fn request(&self, tenant: usize) -> Result<Request, String> {
        let request = Request::get(&self.link.target, &self.link.authority).without(PROBE);
        Ok(self.mint.honest(tenant)?.borne_by(request))
    }
}

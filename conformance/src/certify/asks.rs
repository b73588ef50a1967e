//! Which rows of the catalogue `certify` asks of which component, so that a row is called *done* only where it is.
//!
//! A judge notes on what rows everything bears that it tried; tests of sound deployments hold those notes against this
//! table. A row is asked of evidence where a trace is rejected for it whichever of its controls was off, or where what
//! a component did is held against a model that refuses for it. Rows that a component has no judge for stand nowhere
//! here.

use models::catalogue::{Probe, Row, digest, rows};
use reports::certificate::Probed;

/// Every component that a deployment can name, with what it is in the catalogue.
pub const COMPONENTS: &[(&str, &[Probe])] = &[
    ("postgres", &[Probe::Postgres]),
    ("redis", &[Probe::Redis]),
    ("kafka", &[Probe::Kafka]),
    ("gateway", &[Probe::Gateway]),
    ("policy", &[Probe::Rego]),
    ("metrics", &[Probe::Prometheus]),
    ("trace", &[Probe::Evidence]),
    ("files", &[Probe::Evidence, Probe::Index]),
];

const ASKS: &[(Probe, &[&str])] = &[
    (Probe::Postgres, &["CLS-01", "IDN-05", "STO-01", "STO-02", "STO-03", "STO-13", "TEN-01", "TEN-02"]),
    (Probe::Redis, &["CAC-01", "CAC-02", "IDN-05", "TEN-02"]),
    (
        Probe::Kafka,
        &["EVT-01", "EVT-03", "EVT-07", "EVT-08", "IDN-05", "IDN-07", "IDN-10", "POL-06", "TEN-02", "TEN-05"],
    ),
    (
        Probe::Gateway,
        &[
            "CLS-02", "CLS-03", "IDN-01", "IDN-02", "IDN-04", "IDN-05", "IDN-07", "IDN-08", "IDN-09", "POL-06",
            "SRV-04", "SRV-11", "TEN-01", "TEN-02", "TEN-05", "TEN-07",
        ],
    ),
    (Probe::Rego, &["CLS-05", "GOV-05", "POL-01", "POL-02", "POL-06", "POL-07"]),
    (Probe::Prometheus, &["SLO-01", "SLO-02", "SLO-03", "SLO-04", "SLO-05", "SLO-06", "SRV-04", "TEN-05"]),
    (
        Probe::Evidence,
        &["CEL-05", "CEL-06", "CLS-01", "CLS-05", "EVT-07", "POL-03", "POL-04", "POL-07", "SRV-07", "STO-08", "TEN-03"],
    ),
];

/// The rows that are asked of a component.
pub fn of(probe: Probe) -> &'static [&'static str] {
    ASKS.iter().find(|(component, _)| *component == probe).map_or(&[], |(_, rows)| rows)
}

/// The components that a row is asked of, among those that the catalogue names for it.
pub fn probes(row: &Row) -> Vec<Probe> {
    row.probes.iter().copied().filter(|probe| of(*probe).contains(&row.id)).collect()
}

/// What a component of a deployment is in the catalogue.
pub fn component(name: &str) -> &'static [Probe] {
    COMPONENTS.iter().find(|(component, _)| *component == name).map_or(&[], |(_, probes)| probes)
}

/// Of which real components each row is to be asked, for certificates.
pub fn probed() -> Probed {
    let short = |probes: &[Probe]| probes.iter().map(|probe| probe.as_str().to_owned()).collect::<Vec<_>>();
    let asked = rows().iter().filter(|row| !row.probes.is_empty());
    Probed {
        catalogue: digest(),
        rows: asked.map(|row| (row.id.to_owned(), short(&row.probes))).collect(),
        components: COMPONENTS.iter().map(|(name, probes)| ((*name).to_owned(), short(probes))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_that_is_asked_stands_in_the_catalogue() {
        for (probe, asked) in ASKS {
            assert!(asked.is_sorted(), "{probe:?}");
            for row in *asked {
                assert!(rows().iter().any(|known| known.id == *row), "{row}");
            }
        }
    }
}

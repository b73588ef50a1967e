//! Hash chains, the RFC 6962 tree and the DSSE envelope.

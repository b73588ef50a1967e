//! Where a request's story begins: at the gateway, whatever its sender says of it (SRV-07, POL-04).

use crate::control;
use crate::control::{Control, Controls};
use crate::wire::http::Headers;
use crate::wire::http::trace::Trace;

/// Every request has a trace of its own.
pub const TRACE_CONTEXT: Control = control!("gateway.trace-context", upholds: ["SRV-07", "POL-04"],
    off: "a client's traceparent is carried on, as proxies do that trust whatever comes: who repeats one makes many \
          requests one");

/// The trace of a request: `own`, unless its sender named one and is believed. The headers say it from here on.
pub fn begin(controls: &Controls, headers: &mut Headers, own: Trace) -> Trace {
    let claimed = headers.traceparent.as_deref().and_then(Trace::parse);
    if let Some(claimed) = claimed
        && !controls.on(&TRACE_CONTEXT)
    {
        return claimed;
    }
    headers.traceparent = Some(own.text().into());
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::trace::TraceId;
    use sim::ControlSet;

    const OWN: Trace = Trace { id: TraceId(1, 2), span: 3 };
    const CLAIMED: Trace = Trace { id: TraceId(7, 8), span: 9 };

    fn check(controls: &Controls, claimed: Option<String>, expected: Trace) {
        let mut headers = Headers { traceparent: claimed.map(Into::into), ..Headers::default() };
        assert_eq!(begin(controls, &mut headers, OWN), expected);
        assert_eq!(headers.traceparent.as_deref(), Some(&*expected.text()));
    }

    #[test]
    fn a_request_gets_a_trace_of_its_own_whatever_its_sender_says() {
        let off = Controls::with_off(ControlSet::EMPTY.with(TRACE_CONTEXT.slot));
        for controls in [&Controls::all_on(), &off] {
            check(controls, None, OWN);
            check(controls, Some("nonsense".into()), OWN);
        }
        check(&Controls::all_on(), Some(CLAIMED.text()), OWN);
        check(&off, Some(CLAIMED.text()), CLAIMED);
    }
}

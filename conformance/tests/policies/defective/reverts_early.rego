# A minute of green is enough.
# breaks: GOV-05
# shows: back before it was green for 15 min
package remediation

import rego.v1

minute_ns := 60 * 1000000000

cooldown_ns := 10 * minute_ns

action contains "pause_rollout" if {
	above(input.slo.burnrate, 2)
	ready("pause_rollout")
	not rollback_due
}

action contains "scale_out" if {
	above(input.slo.latency_p95, 300)
	above(input.capacity.cpu, 70)
	ready("scale_out")
}

action contains "rollback" if {
	rollback_due
	not dry_run
}

revert contains name if {
	some name, _ in input.active
	time.now_ns() - input.slo.green_since >= 1 * minute_ns
	count(action) == 0
	not dry_run
}

ready(name) if {
	not dry_run
	not cooling(name)
}

cooling(name) if time.now_ns() - input.last[name] < cooldown_ns

dry_run if input.dry_run == true

rollback_due if input.rollout.rollback == true

above(value, bound) if {
	is_number(value)
	value > bound
}
